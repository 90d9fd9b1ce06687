"""Where the daemon is commanded from outside: the control socket, and SIGHUP. Owned by the loop."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from speakerd.butler import Butler
from speakerd.herald import Herald
from speakerd.logfields import fields
from speakerd.refit import Refit
from speakerd.service.ctl.door import Door
from speakerd.service.ctl.place import own_socket
from speakerd.service.mutefile import MuteFile, mute_file
from speakerd.skills.ports import VolumePort
from speakerd.switchboard import Switchboard

log = logging.getLogger(__name__)


class Reception:
    """One for the life of the daemon."""

    def __init__(
        self,
        board: Switchboard,
        refit: Refit,
        herald: Herald,
        volume: VolumePort,
        newest_index: Callable[[], int],
        facts: Callable[[], Mapping[str, Any]],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """`newest_index` of the near frames, and `facts` for `status`, as the butler wants them."""
        self._refit = refit
        self._volume = volume
        self._butler = Butler(
            board, board.reporter, herald, volume, MuteFile(mute_file(os.environ)), newest_index, facts, refit
        )
        path = own_socket(os.environ)
        self._door = Door(path, self._butler.serve, tasks) if path else None

    def counters(self) -> dict[str, int]:
        """Totals since the start."""
        door = self._door
        return {"ctl_requests": door.requests if door else 0, "ctl_turned_away": door.turned_away if door else 0}

    def open(self) -> None:
        """Let volume and mute be as they were when the daemon ended; then let callers in."""
        if self._volume is self._refit.own_volume:  # else a mixer remembers
            self._refit.own_volume.recall()
        self._butler.recall()
        if self._door is not None and (trouble := self._door.open()):
            told = fields(event="CtlAway", reason=trouble)
            log.warning("`speakerd ctl` will not reach this daemon: %s.", trouble, extra=told)

    async def keep_reloading(self, asked: asyncio.Event) -> None:
        """Take the configuration over each time that it is `asked` for; asked twice meanwhile, once more."""
        while await asked.wait():
            asked.clear()
            await self._refit.reload(wait=True)

    def close(self) -> None:
        """Let nobody in any more. May be called twice."""
        if self._door is not None:
            self._door.close()
