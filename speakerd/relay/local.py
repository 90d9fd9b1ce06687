"""The store of one relay: tokens in a file, sums from the ledger, the rest in memory."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from speakerd.purse.budget import Budget, Limits, Span
from speakerd.purse.entries import Entry
from speakerd.relay.limits import PerMinute
from speakerd.relay.store import LEASE_S, Admission, Lease, Receipt, Spent, StoreAwayError
from speakerd.relay.tokens import Token, from_json, to_json

KEPT_RECEIPTS = 10_000
"""Numbers of receipts that are remembered, the newest."""


class LocalStore:
    """Owned by the loop. The tokens' file may be changed by `speakerd relay token` meanwhile: it is seen at once."""

    def __init__(self, folder: Path, clock_s: Callable[[], float], entries: Iterable[Entry] = ()) -> None:
        """`entries` of the ledger: what was spent before, by persona."""
        self._file = TokenFile(folder / "tokens.json")
        self._clock_s = clock_s
        self._leases: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._rates: dict[int, PerMinute] = {}
        self._receipts: dict[str, None] = {}
        self._spent: dict[str, Budget] = {}
        for entry in entries:
            self._sums(entry.persona).spend(entry.at.date(), entry.usd)

    async def find(self, digest: str) -> Token | None:
        """See `Store`."""
        return self._file.read().get(digest)

    async def tokens(self) -> list[Token]:
        """See `Store`."""
        return sorted(self._file.read().values(), key=lambda token: (token.name, token.created))

    async def add(self, token: Token) -> bool:
        """See `Store`."""
        with self._file.change() as tokens:
            if any(one.name == token.name and not one.revoked for one in tokens.values()):
                return False
            tokens[token.digest] = token
        return True

    async def revoke(self, name: str) -> bool:
        """See `Store`."""
        with self._file.change() as tokens:
            found = [one for one in tokens.values() if one.name == name and not one.revoked]
            tokens |= {one.digest: replace(one, revoked=True) for one in found}
        return bool(found)

    async def admit(self, lease: Lease) -> Admission:
        """See `Store`."""
        now_s = self._clock_s()
        mine = self._leases[lease.name]
        for session in [session for session, until_s in mine.items() if until_s <= now_s]:
            del mine[session]
        if lease.session not in mine:
            if len(mine) >= lease.max_sessions:
                return Admission.TOO_MANY
            if not self._rates.setdefault(lease.per_minute, PerMinute(lease.per_minute)).take(lease.name, now_s):
                return Admission.TOO_OFTEN
        mine[lease.session] = now_s + LEASE_S
        return Admission.GRANTED

    async def renew(self, leases: Collection[Lease]) -> set[str]:
        """See `Store`."""
        until_s = self._clock_s() + LEASE_S
        tokens = self._file.read()
        for lease in leases:
            self._leases[lease.name][lease.session] = until_s
        return {lease.digest for lease in leases if (token := tokens.get(lease.digest)) and token.revoked}

    async def release(self, lease: Lease) -> None:
        """See `Store`."""
        self._leases[lease.name].pop(lease.session, None)

    async def spend(self, receipt: Receipt) -> None:
        """See `Store`."""
        if receipt.number in self._receipts:
            return
        self._receipts[receipt.number] = None
        if len(self._receipts) > KEPT_RECEIPTS:
            del self._receipts[next(iter(self._receipts))]
        self._sums(receipt.name).spend(receipt.day, receipt.usd)

    async def spent(self, name: str, day: date) -> Spent:
        """See `Store`."""
        sums = self._sums(name)
        return Spent(sums.spent(Span.DAY, day), sums.spent(Span.MONTH, day))

    async def close(self) -> None:
        """See `Store`."""

    def _sums(self, name: str) -> Budget:
        return self._spent.setdefault(name, Budget(Limits()))


class TokenFile:
    """The tokens on the disk, readable by their owner alone. Replaced as a whole, by renaming."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: tuple[int, int, int] | None = None
        self._tokens: dict[str, Token] = {}

    def read(self) -> dict[str, Token]:
        """By digest; read again only if the file was replaced. Raises StoreAwayError."""
        try:
            stat = self._path.stat()
            mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if mark != self._mark:
                tokens = [from_json(one) for one in json.loads(self._path.read_bytes())]
                self._tokens, self._mark = {token.digest: token for token in tokens}, mark
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreAwayError(f"{self._path} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError, TypeError) as error:
            raise StoreAwayError(f"{self._path} is damaged: {error}") from error
        return self._tokens

    @contextlib.contextmanager
    def change(self) -> Iterator[dict[str, Token]]:
        """A copy to change, written at the end if it differs. One process at a time. Raises StoreAwayError."""
        try:
            self._make_folder()
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _give(self._path.with_suffix(".lock"), self._path.parent)
                fcntl.flock(lock, fcntl.LOCK_EX)
                before = self.read()
                tokens = dict(before)
                yield tokens
                if tokens != before:
                    self._write(tokens)
            finally:
                os.close(lock)
        except OSError as error:
            raise StoreAwayError(f"{self._path} cannot be written: {error.strerror}") from error

    def _make_folder(self) -> None:
        folder = self._path.parent
        if not folder.is_dir():
            folder.mkdir(parents=True, mode=0o700)
            _give(folder, folder.parent)

    def _write(self, tokens: dict[str, Token]) -> None:
        new = self._path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump([to_json(token) for token in tokens.values()], file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        _give(new, self._path.parent)
        new.replace(self._path)
        self._mark = None


def _give(path: Path, like: Path) -> None:
    """To the owner of `like`: root may add a token, and the relay, which is not root, must read it."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
