"""What must be there before the parts: the events file, the server if it is ours, secrets of others."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from speakerd.config.credentials import token
from speakerd.config.model import Config
from speakerd.realtime.address import is_private
from speakerd.service.eventlog import EventLog
from speakerd.service.toldlog import told_to


@contextlib.contextmanager
def eventlog(path: Path | None) -> Iterator[EventLog | None]:
    """The events file, if there is to be one, open meanwhile."""
    if path is None:
        yield None
        return
    with contextlib.closing(EventLog(path)) as log, told_to(log):
        yield log


@dataclass(frozen=True, slots=True)
class Servers:
    """Where to connect."""

    url: str
    stand_in: str = ""
    """Where else, while nobody answers there; empty: nowhere."""


@contextlib.asynccontextmanager
async def servers(config: Config, *, fall_back: bool = True) -> AsyncIterator[Servers]:
    """Where to connect; the embedded server runs meanwhile if that is the server, or, to `fall_back`, the stand-in."""
    alone = config.realtime.url == "embedded"
    if not alone and not (fall_back and config.realtime.fallback == "embedded"):
        yield Servers(config.realtime.url)
        return
    from speakerd.server.embedded import serve_embedded  # its ears are large: only for those who ask

    async with serve_embedded(config.server, warm=alone) as url:
        yield Servers(url) if alone else Servers(config.realtime.url, url)


def tokens(config: Config, environ: Mapping[str, str]) -> dict[str, str]:
    """What the named credentials of MCP servers hold; those that are not there are left out. Raises ConfigError.

    None is told to a service to which others on the network could listen: as it is with the key.
    """
    found = {one.credential: token(one.credential, environ) for one in config.skills.mcp if one.credential}
    if config.realtime.url != "embedded" and not is_private(config.realtime.url):
        return {}
    return {name: secret.reveal() for name, secret in found.items() if secret is not None}


def only_error(error: BaseException) -> BaseException:
    """What a group of one holds, however deep; a group of several as it is."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
