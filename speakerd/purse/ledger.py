"""The ledger: a file a month in the state directory, lines with checksums, appended. Touches the disk.

*Power loss.* A line goes to the kernel in one write, so the death of the process loses nothing. The kernel is told to
put it on the disk when a conversation ends (`sync`), not at each line: flash cards wear, and an SD card may take half
a second. What a power failure can take is the conversation that runs. A line that was cut is found by its missing line
feed, and cut off at the next opening; any other damage is found by the checksum, counted, and left out.

*Growth.* Of this month and the last every line is kept; of older months a line for each day, persona and model. The
current file is rolled up in the same way when it outgrows `MAX_FILE_BYTES`. A file is replaced as a whole, by
renaming, so there is always the old or the new one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from speakerd.logfields import fields
from speakerd.purse.entries import Entry, decode_all, encode, rolled_up

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Some 16,000 responses; a file that is larger is rolled up."""
KEPT_ENTRIES = 200
"""The newest that stay as they are when the current file is rolled up."""

_NAME = re.compile(r"(\d{4}-\d{2})\.ledger")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the ledger holds."""

    entries: list[Entry]
    damaged: int = 0
    """Lines that cannot be trusted."""


def months(folder: Path) -> list[str]:
    """The months that have a file, such as `2026-11`, oldest first; none where there is no such folder."""
    try:
        names = [match[1] for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    except FileNotFoundError:
        return []
    return sorted(names)


def read(folder: Path, wanted: Iterable[str] | None = None) -> Reading:
    """The entries of the `wanted` months (None: all), in the order of the files. Raises OSError.

    Changes nothing, so it may be done while the daemon writes, from any thread.
    """
    entries: list[Entry] = []
    damaged = 0
    for month in months(folder) if wanted is None else sorted(wanted):
        try:
            data = path_of(folder, month).read_bytes()
        except FileNotFoundError:
            continue
        found, bad, _torn = decode_all(data)
        entries += found
        damaged += bad
    return Reading(entries, damaged)


def path_of(folder: Path, month: str) -> Path:
    """The file of a month."""
    return folder / f"{month}.ledger"


def month_of(day: date) -> str:
    """`2026-11`."""
    return f"{day:%Y-%m}"


class Ledger:
    """Appends entries. Owned by one thread, save `sync_copy`.

    A disk that takes no more costs entries, counted, and one warning: never the daemon.
    """

    def __init__(self, folder: Path, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        """`folder` is made when it is needed; nothing is read or written yet."""
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._descriptor = -1
        self._month = ""
        self._size = 0
        self._tidied = ""
        self.lost = 0
        """Entries that could not be written."""
        self.healed = 0
        """Files whose torn end was cut off."""

    def append(self, entry: Entry) -> None:
        """Add a line; it survives the death of this process, and after `sync` that of the machine."""
        line = encode(entry)
        try:
            self._open(month_of(entry.at.date()))
            written = os.write(self._descriptor, line)
            if written < len(line):  # the disk is full: leave no half line
                os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            self._lose(error.strerror)
        else:
            if written < len(line):
                self._lose("no room for the whole line")
            else:
                self._size += written
        if self._size > 2 * self._max_file_bytes:  # one conversation that runs wild, without a quiet moment
            self.tidy(entry.at.date())

    def sync(self) -> None:
        """Put all on the disk; may take a second."""
        try:
            if self._descriptor >= 0:
                os.fdatasync(self._descriptor)
        except OSError as error:
            self._lose(error.strerror)

    def sync_copy(self) -> int | None:
        """A descriptor that another thread may sync and must close; None if no file is open, or too many are."""
        try:
            return os.dup(self._descriptor) if self._descriptor >= 0 else None
        except OSError:
            return None

    def tidy(self, today: date) -> None:
        """Roll up what is old or large. Reads and writes whole files: for quiet moments."""
        last_month = month_of(today.replace(day=1) - timedelta(days=1))
        try:
            for month in months(self._folder) if self._tidied != last_month else ():
                if month < last_month and month != self._month:
                    self._roll_up(month, keep=0)
            self._tidied = last_month
            if self._size > self._max_file_bytes:
                self._roll_up(self._month, keep=KEPT_ENTRIES)
        except OSError as error:
            log.warning("The ledger could not be tidied: %s", error, extra=fields(event="LedgerUntidy"))

    def close(self) -> None:
        """Put all on the disk and close. May be called twice."""
        self.sync()
        self._close()

    def _open(self, month: str) -> None:
        """Make `month` the open file, healed; one that somebody removed is made anew."""
        if month == self._month and self._descriptor >= 0 and os.fstat(self._descriptor).st_nlink > 0:
            return
        self.close()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = path_of(self._folder, month)
        is_new = not path.exists()
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._month = month
        self._size = self._heal(path)
        if is_new:
            _sync_folder(self._folder)

    def _heal(self, path: Path) -> int:
        """Cut off a torn end; the size that is left."""
        data = path.read_bytes()
        size = data.rfind(b"\n") + 1
        if size < len(data):
            os.ftruncate(self._descriptor, size)
            os.fdatasync(self._descriptor)
            self.healed += 1
            log.warning(
                "The ledger ended in half a line of %d bytes (a power failure?); cut off.",
                len(data) - size,
                extra=fields(event="LedgerHealed"),
            )
        return size

    def _roll_up(self, month: str, keep: int) -> None:
        """Replace the file of `month` by its sums; its last `keep` entries stay."""
        path = path_of(self._folder, month)
        entries, damaged, _torn = decode_all(path.read_bytes())
        border = max(0, len(entries) - keep)
        rolled = [*rolled_up(entries[:border]), *entries[border:]]
        if len(rolled) >= len(entries) and not damaged:
            return
        if damaged:
            log.warning(
                "The ledger of %s had %d damaged lines; they are left out.",
                month,
                damaged,
                extra=fields(event="LedgerDamaged", lines=damaged),
            )
        _replace(path, b"".join(encode(entry) for entry in rolled))
        if month == self._month:
            self._close()  # the descriptor is of the old file

    def _close(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        self._descriptor, self._size = -1, 0

    def _lose(self, why: str | None) -> None:
        self.lost += 1
        if self.lost == 1:
            log.warning("Usage is not recorded: %s: %s", self._folder, why, extra=fields(event="LedgerUnwritten"))


def _replace(path: Path, data: bytes) -> None:
    """Put `data` in place of a file: after a power failure there is the old or the new, whole. Raises OSError."""
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
