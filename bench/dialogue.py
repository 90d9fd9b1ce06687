"""A spoken dialogue against one server or another: wake, question, function, interruption, follow-up, goodbye.

    python -m bench.dialogue --server embedded
    python -m bench.dialogue --server litellm --program VENV/bin/litellm
    python -m bench.dialogue --server hf --program VENV/bin/python
    python -m bench.dialogue --url ws://HOST:PORT/v1/realtime

The whole daemon on the virtual sound card, whose microphone hears its loudspeaker; the user speaks with flite's voice.
`litellm` is LiteLLM's proxy in front of the embedded server, `hf` the wire layer of huggingface/speech-to-speech as
../shared/rig/realtime/server_hf_s2s.py starts it. Nothing but the address differs between them. Prints a verdict for
each step, and what the two sides said of each other; exit status 1 if a step failed.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from speakerd.demo.daemon import Daemon, Happening  # noqa: E402
from speakerd.demo.play import say  # noqa: E402
from speakerd.demo.recording import Recorder, speak  # noqa: E402
from speakerd.demo.soundcard import VirtualSoundCard  # noqa: E402

HF_SERVER = ROOT.parent / "shared/rig/realtime/server_hf_s2s.py"
KEY = "sk-dialogue-0123456789"
MODEL = "gpt-realtime-2.1-mini"
CONFIG = """\
realtime: {{url: "{url}", model: {model}, stall_timeout_s: 20}}
conversation: {{silence_timeout_s: 6, think_timeout_s: 20}}
transcripts: {{events: true}}
log: {{level: debug}}
"""
LITELLM = """\
model_list:
  - model_name: {model}
    litellm_params: {{model: openai/{model}, api_base: "{base}", api_key: {key}}}
    model_info: {{mode: realtime}}
general_settings: {{master_key: {key}}}
"""
START_S = 90.0


@dataclass
class Dialogue:
    """One evening: the steps in order, each with its verdict."""

    card: VirtualSoundCard
    daemon: Daemon
    verdicts: list[tuple[str, bool, str]] = field(default_factory=list)

    def play(self) -> None:
        """All of it, up to the first step without which the next makes no sense."""
        start_s, said_s = self.say("Hey Jarvis, what is seventeen plus twenty five?")
        woken = self.daemon.wait("WakeDetected", start_s, 4.0)
        ready = self.daemon.wait("SessionReady", start_s, 8.0)
        self.judge("wake word", woken is not None and ready is not None, took(woken, ready))
        if ready is None:
            return
        self.judge("question in the same breath", *self.answered(said_s))
        passed, told = self.answered(self.say("What did it cost today?")[1])
        calls = [event for event in self.events("ToolsCalled", start_s) if event["t"] >= start_s]
        names = ", ".join(str(name) for event in calls for name in event["names"])
        self.judge("function call, and its answer spoken", passed and bool(calls), f"{names or 'none called'}; {told}")
        self.interrupt()
        self.judge("follow-up", *self.answered(self.say("What is seven times eight?")[1]))
        self.part()

    def interrupt(self) -> None:
        """Talk over a reply."""
        asked_s = self.say("Tell me a long story.")[1]
        speaking = self.daemon.wait("StateChanged", asked_s, 25.0, state="SPEAKING")
        if speaking is None:
            self.judge("interruption", False, "nothing to interrupt")
            return
        time.sleep(1.5)
        over_s, silent_s = self.say("No, stop it please.")
        paused = self.daemon.wait("StateChanged", over_s, 3.0, state="INTERRUPTED")
        flushed = self.daemon.wait("PlayoutFlushed", over_s, 5.0)
        heard_ms = flushed.get("heard_ms", 0) if flushed else 0
        told = f"paused {took({'t': over_s}, paused)}, server heard words {took(paused, flushed)}, cut at {heard_ms} ms"
        self.judge("interruption", paused is not None and heard_ms > 0, told)
        settled = self.daemon.wait("UserSpeechStopped", silent_s, 15.0) and self.settle()
        self.judge("goes on after it", bool(settled), "" if settled else "still not listening")

    def part(self) -> None:
        """Say goodbye; where nobody understands that, silence ends the conversation."""
        start_s = self.say("Goodbye.")[1]
        idle = self.daemon.wait("StateChanged", start_s, 40.0, state="IDLE")
        ended = self.daemon.wait("SessionEnded", start_s, 1.0)
        how = "asked for" if self.daemon.find("StopRequested", start_s, reason="goodbye") else "by silence"
        clean = ended is not None and not ended["error"]
        self.judge(
            "goodbye", idle is not None and clean, f"{how}; session ended {(ended and ended['error']) or 'in order'}"
        )

    # ------------------------------------------------------------ helpers

    def say(self, words: str) -> tuple[float, float]:
        """Speak to the end of the words; when they began and ended."""
        samples, rate_hz = say(words)
        start_s = time.monotonic()
        speak(self.card, samples, rate_hz).wait()
        return start_s, start_s + samples.size / rate_hz

    def answered(self, said_s: float) -> tuple[bool, str]:
        """Whether a reply to what was said was audible from beginning to end, and what both sides said."""
        began = self.daemon.wait("StateChanged", said_s, 25.0, state="SPEAKING")
        over = began and self.daemon.wait("PlayoutDrained", began["t"], 40.0, state="LISTENING")
        settled = over and self.settle()
        return bool(settled), self.said(said_s)

    def settle(self) -> bool:
        """Wait until it has been the user's floor for a second."""
        until_s = time.monotonic() + 40
        while time.monotonic() < until_s:
            changes = self.events("StateChanged", 0.0)
            if changes[-1]["state"] == "IDLE":
                return False
            if changes[-1]["state"] == "LISTENING" and time.monotonic() > changes[-1]["t"] + 1.0:
                return True
            time.sleep(0.05)
        return False

    def events(self, name: str, since_s: float) -> list[Happening]:
        """Of that name."""
        for _ in self.daemon.new():
            pass
        return [event for event in self.daemon.events if event["event"] == name and event["t"] >= since_s]

    def said(self, since_s: float) -> str:
        """Transcripts, if the server makes any."""
        return " / ".join(f"{event['role']}: {event['text']}" for event in self.events("Said", since_s))

    def judge(self, step: str, passed: bool, told: str = "") -> None:
        """A verdict."""
        self.verdicts.append((step, passed, told))
        print(f"{'pass' if passed else 'FAIL'}  {step}" + (f": {told}" if told else ""), flush=True)


def took(first: Happening | None, second: Happening | None) -> str:
    """The time between two events."""
    return f"after {(second['t'] - first['t']) * 1000:.0f} ms" if first and second else "never"


# ---------------------------------------------------------------- servers


@contextlib.contextmanager
def embedded() -> Iterator[str]:
    """`speakerd serve`."""
    command = [sys.executable, "-m", "speakerd", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.terminate()


@contextlib.contextmanager
def litellm(program: Path, folder: Path) -> Iterator[str]:
    """LiteLLM's proxy in front of the embedded server."""
    with embedded() as url:
        base = url.replace("ws://", "http://").removesuffix("/realtime")
        config = folder / "litellm.yaml"
        config.write_text(LITELLM.format(model=MODEL, base=base, key=KEY))
        port = free_port()
        command = [str(program), "--config", str(config), "--port", str(port), "--host", "127.0.0.1"]
        with started(command, port, folder / "litellm.log", LITELLM_LOCAL_MODEL_COST_MAP="True"):
            yield f"ws://127.0.0.1:{port}/v1/realtime"


@contextlib.contextmanager
def hf(program: Path, folder: Path) -> Iterator[str]:
    """The wire layer of huggingface/speech-to-speech."""
    port = free_port()
    with started([str(program), str(HF_SERVER), str(port)], port, folder / "hf.log"):
        yield f"ws://127.0.0.1:{port}/v1/realtime"


@contextlib.contextmanager
def started(command: list[str], port: int, log: Path, **environment: str) -> Iterator[None]:
    """A server in the background, from when its port answers."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment})
    try:
        asyncio.run(answers(port, process))
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def answers(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens there."""
    async with asyncio.timeout(START_S):
        while process.poll() is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.2)
    raise RuntimeError("the server ended at once; see its log")


def free_port() -> int:
    """One that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    """Play and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=["embedded", "hf", "litellm"], default="embedded")
    parser.add_argument("--program", type=Path, help="Python (hf) or litellm of a virtual environment of its own")
    parser.add_argument("--url", help="another server, that runs already")
    parser.add_argument("--keep", type=Path, help="keep logs and events in this folder")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        if options.url:
            url = options.url
        elif options.server == "embedded":
            url = stack.enter_context(embedded())
        else:
            url = stack.enter_context({"hf": hf, "litellm": litellm}[options.server](options.program, folder))
        card = stack.enter_context(VirtualSoundCard(folder / "card"))
        card.loop(40, -20)
        recorder = Recorder(card, "speaker")
        recorder.start()
        stack.callback(recorder.stop)
        daemon = Daemon(card, folder, CONFIG.format(url=url, model=MODEL), {"OPENAI_API_KEY": KEY})
        daemon.start()
        dialogue = Dialogue(card, daemon)
        try:
            assert daemon.wait("Ready", timeout_s=30), daemon.log_path.read_text()
            time.sleep(1.0)
            dialogue.play()
        finally:
            status = daemon.stop()
        dialogue.judge("stops when told to", status == 0)
        log = daemon.log_path.read_text()
        for liberty in re.findall(r"The server goes its own way with (.*)\.", log):
            print(f"its own way: {liberty}")
        for counts in re.findall(r"session \d+: (\{.*\})", log):
            print(f"what was counted: {json.dumps(ast.literal_eval(counts))}")
    failed = [step for step, passed, _ in dialogue.verdicts if not passed]
    print(f"{options.url or options.server}: {f'failed: {failed}' if failed else 'every step passed'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
