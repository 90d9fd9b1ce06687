"""How long `speakerd stats` takes over a busy week, and how much memory: `python -m bench.stats` (as root).

A real journald takes what 200 conversations a day tell it in seven days, in the order of a conversation.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.journald import missing, record  # noqa: E402

CONVERSATIONS = 7 * 200
TURNS = 3
SCRIPT = f"""
import logging
from speakerd.logfields import fields
from speakerd.service.journal import JournalHandler

logging.getLogger().addHandler(JournalHandler())
log = logging.getLogger("speakerd.bench")
log.setLevel("INFO")
for number in range({CONVERSATIONS}):
    log.info("Heard.", extra=fields(event="WakeDetected", from_state="IDLE", state="CONNECTING", score=0.9))
    log.info("Connected.", extra=fields(event="SessionReady", state="LISTENING", wake_to_live_ms=number))
    for turn in range({TURNS}):
        log.info("It calls clock.", extra=fields(event="ToolsCalled"))
        log.info("Answering.", extra=fields(event="PlayoutStarted"))
        times = dict(wake_to_chime_ms=number, speech_end_to_sound_ms=1.1 * number, turn_end_to_sound_ms=0.9 * number)
        log.info("Turn.", extra=fields(event="TurnMeasured", turn=turn, voice_to_silence_ms=0.3 * number, **times))
    log.info("Bill.", extra=fields(event="Bill", cost_usd="0.01", tokens_read=3000))
    log.info("Over.", extra=fields(event="ConversationOver"))
    if number % 10 == 0:
        log.warning("It failed.", extra=fields(event="SkillFailed", skill="lamp"))
"""


def main() -> None:
    """Write, read, print."""
    if reason := missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder:
        journal, _ = record(Path(folder), SCRIPT)
        size_mb = sum(file.stat().st_size for file in journal.iterdir()) / 1e6
        began_s = time.monotonic()
        command = [sys.executable, "-m", "speakerd", "stats", "--since", "1d", "--unit", "", "--journal", journal]
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert child.stdout is not None
        table = child.stdout.read().decode()
        _, status, usage = os.wait4(child.pid, 0)
        took_s = time.monotonic() - began_s
    assert status == 0
    print(table)
    print(f"{CONVERSATIONS} conversations of {TURNS} turns, {size_mb:.0f} MB of journal:")
    print(f"{took_s:.2f} s, of that {usage.ru_utime + usage.ru_stime:.2f} s of CPU; {usage.ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
