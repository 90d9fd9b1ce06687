"""The relay's composition root: its store, its ledger, the service it leads to, its journal."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket as Socket
from urllib.parse import urlsplit

from speakerd import surroundings
from speakerd.config.credentials import ApiKey, token
from speakerd.config.model import Config, Realtime, Relay
from speakerd.errors import ConfigError, SpeakerdError
from speakerd.logfields import fields
from speakerd.purse.account import ledger_folder
from speakerd.purse.entries import Entry
from speakerd.purse.ledger import Ledger, read
from speakerd.purse.pricelist import load_prices
from speakerd.realtime.address import asked_model, headers, is_private, is_this_machine, with_model
from speakerd.relay.gate import Gate, Service
from speakerd.relay.house import House
from speakerd.relay.local import LocalStore
from speakerd.relay.store import Store
from speakerd.relay.talk import Talk
from speakerd.relay.till import Till
from speakerd.service.notify import Notifier
from speakerd.wallclock import local_now

log = logging.getLogger(__name__)

PASSWORD = "relay-redis-password"
EMBEDDED = "embedded"
SERVICE_FOLDER = Path("/var/lib/speakerd-relay")
"""Where it keeps its state as a systemd service."""


def folder(environ: Mapping[str, str]) -> Path:
    """Where tokens and the relay's ledger are: the service's, unless this user has a relay of their own."""
    own = ledger_folder(environ).parent / "relay"
    try:
        mine = bool(environ.get("STATE_DIRECTORY")) or own.is_dir() or not SERVICE_FOLDER.is_dir()
    except OSError:  # it is there, and not for us: reading it tells so
        mine = False
    return own if mine else SERVICE_FOLDER / "relay"


def make_store(relay: Relay, environ: Mapping[str, str], entries: Sequence[Entry] = ()) -> Store:
    """The store that the configuration names. Raises ConfigError."""
    if relay.state == "local":
        return LocalStore(folder(environ), time.monotonic, entries)
    try:
        from speakerd.relay.redis_store import RedisStore  # an extra, for those who have several relays
    except ImportError as error:
        raise ConfigError(
            "relay.state names Redis, and its client is not installed",
            hint="script/install brings it; else pip install redis",
        ) from error
    secret = token(PASSWORD, environ)
    return RedisStore(relay.state, secret.reveal() if secret else None)


def spent_before(place: Path) -> list[Entry]:
    """What the ledger holds. Raises SpeakerdError: without it no budget would hold."""
    try:
        reading = read(place)
    except OSError as error:
        hint = "is this the user of the relay?"
        raise SpeakerdError(f"the ledger {place} cannot be read: {error.strerror}", hint=hint) from error
    if reading.damaged:
        log.warning(
            "The ledger has %d damaged lines; what they told is not counted.",
            reading.damaged,
            extra=fields(event="LedgerDamaged", lines=reading.damaged),
        )
    return reading.entries


def make_service(realtime: Realtime, url: str, key: ApiKey | None) -> Service:
    """Where sessions lead to.

    Raises ConfigError for a key that anybody on the network could read, and for a URL that names a model: all would be
    served by that one, and billed for the one that they asked for.
    """
    if named := asked_model(url, ""):
        raise ConfigError(f"realtime.url: it names the model {named}", hint="leave it out: each client names its own")
    if key is not None and not is_private(url):
        raise ConfigError("realtime.url: the key would cross the network unencrypted", hint="use wss://")
    embedded = realtime.url == EMBEDDED
    return Service(
        model=realtime.model,
        url_of=lambda model: with_model(url, model),
        headers=() if embedded else headers(realtime, url, key.reveal() if key else None),
        connect_s=realtime.connect_timeout_s,
        proxy=not is_this_machine(url),
    )


def make_tls(relay: Relay) -> ssl.SSLContext | None:
    """The server's side of TLS; None without a certificate. Raises ConfigError."""
    if not relay.certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(relay.certificate, relay.private_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"relay.certificate: {relay.certificate} with {relay.private_key} cannot be used: {error}",
            hint="two PEM files that belong together, and that this user may read",
        ) from error
    return context


@asynccontextmanager
async def serving(
    config: Config, key: ApiKey | None, environ: Mapping[str, str], sockets: Sequence[Socket] = ()
) -> AsyncIterator[tuple[House, list[str]]]:
    """The relay, open meanwhile; the house, and the addresses where it listens.

    Raises ConfigError, SpeakerdError, and OSError for an address that cannot be listened on.
    """
    relay = config.relay
    tls = make_tls(relay)
    place = folder(environ) / "usage"
    store = make_store(relay, environ, spent_before(place))
    ledger = Ledger(place)
    ledger.tidy(local_now().date())
    till = Till(store, ledger, load_prices(config.purse.prices), local_now)
    billed_as = EMBEDDED if config.realtime.url == EMBEDDED else ""
    house = House(relay, store, till, time.monotonic, tell, billed_as)
    try:
        async with surroundings.servers(config, fall_back=False) as servers:
            gate = Gate(relay, make_service(config.realtime, servers.url, key), house)
            async with gate.open(sockets, tls) as addresses:
                _announce(config, key, addresses, tls)
                yield house, addresses
    finally:
        await till.close()
        await store.close()


async def run(config: Config, key: ApiKey | None, environ: Mapping[str, str], sockets: Sequence[Socket]) -> None:
    """Serve until SIGTERM or SIGINT. Raises as `serving`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    notifier = Notifier()
    async with serving(config, key, environ, sockets) as (house, _):
        notifier.ready()
        await _watch(house, notifier, stop)
        notifier.stopping()


async def _watch(house: House, notifier: Notifier, stop: asyncio.Event) -> None:
    """Feed the watchdog and tell the status until it is time to stop."""
    pause_s = min(10.0, notifier.watchdog_interval_s or 10.0)
    while not stop.is_set():
        store = "" if house.store_is_there else " The store of tokens is away: nobody else is let in."
        notifier.status(f"{house.sessions} session{'s' * (house.sessions != 1)}.{store}")
        notifier.alive()
        try:
            async with asyncio.timeout(pause_s):
                await stop.wait()
        except TimeoutError:
            pass


def tell(talk: Talk) -> None:
    """A session that ended, for the journal: nothing of what was said, and no token."""
    seconds = time.monotonic() - talk.began_s
    log.info(
        "%s: %.0f s with %s, %d responses, %s US dollars, ended by the %s (%d).",
        talk.token.name,
        seconds,
        talk.rules.model,
        talk.responses,
        f"{talk.usd:.4f}",
        talk.ended_by or "relay",
        talk.code,
        extra=fields(
            event="Relayed",
            token=talk.token.name,
            session=talk.lease.session,
            model=talk.rules.model,
            address=talk.address,
            seconds=round(seconds, 1),
            responses=talk.responses,
            cost_usd=f"{talk.usd:f}",
            sent_bytes=talk.bytes_up,
            received_bytes=talk.bytes_down,
            sent_messages=talk.messages_up,
            received_messages=talk.messages_down,
            ended_by=talk.ended_by or "relay",
            close_code=talk.code,
            close_reason=talk.reason,
        ),
    )


def _announce(config: Config, key: ApiKey | None, addresses: list[str], tls: ssl.SSLContext | None) -> None:
    target = "the embedded server" if config.realtime.url == EMBEDDED else urlsplit(config.realtime.url).netloc
    log.info(
        "The relay listens at %s and leads to %s.", ", ".join(addresses), target, extra=fields(event="RelayListens")
    )
    if tls is None and not all(is_this_machine(address) for address in addresses):
        log.warning(
            "Without relay.certificate tokens and voices cross the network unencrypted.",
            extra=fields(event="RelayUnencrypted"),
        )
    if key is None and config.realtime.url.startswith("wss://"):
        log.warning(
            "No API key: store one as the credential openai-api-key or in OPENAI_API_KEY.",
            extra=fields(event="KeyMissing"),
        )
