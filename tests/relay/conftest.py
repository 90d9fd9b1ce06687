"""A relay on real sockets, a service behind it, a real Redis where there is one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.relay_rig import RedisServer, Rig, Start, Upstream, redis_program, serve_relay, serve_upstream

from speakerd.relay.local import LocalStore
from speakerd.relay.store import Store
from speakerd.wallclock import local_now


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """The service; it echoes until the test wants something else of it."""
    async with serve_upstream() as one:
        yield one


@pytest.fixture
def start(upstream: Upstream, tmp_path: Path) -> Start:
    """Starts relays in front of `upstream`, with keys of their section: `max_sessions=1`."""

    @contextlib.asynccontextmanager
    async def begin(
        store: Store | None = None,
        url: str = "",
        clock: Callable[[], datetime] = local_now,
        ledger: str = "usage",
        **config: Any,
    ) -> AsyncIterator[Rig]:
        store = store or LocalStore(tmp_path / "relay", time.monotonic)
        async with serve_relay(store, url or upstream.url, tmp_path / ledger, clock, **config) as rig:
            yield rig

    return begin


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of the test's own; skipped where Debian's package redis-tools is missing."""
    pytest.importorskip("redis")
    if redis_program() is None:
        pytest.skip("needs redis-server, of Debian's redis-tools")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()
