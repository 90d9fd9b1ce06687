"""Settings that change while the daemon runs, over real sockets on loopback."""

from __future__ import annotations

import asyncio

from support.rig import rig

from speakerd.conversation import events as ev


async def test_a_session_is_kept_warm_from_now_on_and_then_no_more():
    async with rig(keep_warm=False) as r:
        r.link.start()
        r.link.refit(r.link._dialler._realtime.model_copy(update={"keep_warm": True}))
        await r.until(lambda: r.link.warm)
        r.link.refit(r.link._dialler._realtime.model_copy(update={"keep_warm": False}))
        await r.until(lambda: r.peers[0].connection.close_code is not None)
        await asyncio.sleep(0.05)
        assert (r.link.warm, r.attempts) == (False, 1)


async def test_before_the_daemon_is_ready_none_is_opened():
    async with rig(keep_warm=False) as r:
        r.link.refit(r.link._dialler._realtime.model_copy(update={"keep_warm": True}))
        await asyncio.sleep(0.05)
        assert r.attempts == 0
        r.link.start()
        await r.until(lambda: r.link.warm)


async def test_the_next_connection_has_the_new_headers():
    async with rig() as r:
        r.link.start()
        await r.until(lambda: r.link.warm)
        r.link.refit(r.link._dialler._realtime.model_copy(update={"headers": "X-Household: ours"}))
        await r.until(lambda: r.link.warm)
        r.link.open(1)
        assert await r.next() == ev.SessionReady(1)
        assert r.peer.connection.request.headers["X-Household"] == "ours"
