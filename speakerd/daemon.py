"""The daemon's process: signals, the events file, its own servers, and one `App` in the midst."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from speakerd import surroundings
from speakerd.app import App
from speakerd.config.credentials import ApiKey
from speakerd.config.model import Config
from speakerd.service.announce import announce
from speakerd.service.terminal import Terminal


async def run(
    config: Config,
    key: ApiKey | None,
    events_path: Path | None,
    on_stop: Callable[[], None] = lambda: None,
    read_again: Callable[[], Config] | None = None,
) -> bool:
    """Serve until SIGTERM or SIGINT, which call `on_stop`; False if a thread was left behind, hung in its device.

    SIGHUP takes over what `read_again` gives: the configuration as it stands then.
    Raises SpeakerdError for what the human must mend.
    A bug comes out as what it is, too: never as the group that a TaskGroup makes of one error.
    """
    stop = asyncio.Event()

    def ask_to_stop() -> None:
        if not stop.is_set():
            stop.set()
            on_stop()

    loop, terminal, reload = asyncio.get_running_loop(), Terminal(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_stop)
    loop.add_signal_handler(signal.SIGHUP, lambda: ask_to_stop() if terminal.is_gone() else reload.set())
    announce(config, has_key=key is not None)
    try:
        # The events file is closed last: whatever still ends may write to it.
        with surroundings.eventlog(events_path) as eventlog:
            async with surroundings.servers(config) as servers, asyncio.TaskGroup() as tasks:
                app = App(config, servers, key, eventlog, tasks, read_again)
                await app.serve(stop, reload)
            return app.ended
    except BaseExceptionGroup as group:
        error = surroundings.only_error(group)
        raise error from error.__cause__
