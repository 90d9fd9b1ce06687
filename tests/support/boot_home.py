"""A household: the installed service in its booted machine, a sound card, a service to ask, and a user who calls."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from support.booted import Entry, Machine, drop_in
from support.faulty_peer import ANSWER_HZ
from support.faulty_server import FaultyServer
from support.outside_card import OutsideCard, new_folder

from speakerd.demo.play import say
from speakerd.demo.recording import Recorder, speak
from speakerd.demo.soundcard import CARD_RATE_HZ
from speakerd.errors import SpeakerdError
from speakerd.pcm import Samples

CONFIG = """\
audio: {{capture_device: speakerd_mic, playback_device: speakerd_speaker}}
wake: {{words: [{{model: hey_jarvis, refractory_ms: 500}}]}}
realtime: {{url: "{url}"}}
conversation: {{silence_timeout_s: 1.5}}
"""
CONFIG_PATH = "/etc/speakerd/speakerd.yaml"
DROP_IN = "/etc/systemd/system/speakerd.service.d/test.conf"
PATIENCE_S = 1.2
"""After the last word of a call; then the user calls again."""
GIVE_UP_S = 30.0
CALLS = 4
"""So often the user calls; on a busy machine a call is overheard."""
TONE_S = 0.2
PLACES = "/etc /opt /usr /var/lib /var/cache /run/systemd/system /root /home"
BLOCK = CARD_RATE_HZ // 20


@dataclass(frozen=True)
class Answer:
    """What became of the user's calls."""

    heard_s: float
    """From the beginning until the wake word was heard, in the call that was answered."""
    answered_s: float
    """… until the answer sounded."""
    calls: int


class Home:
    """Made by `home`."""

    def __init__(self, machine: Machine, card: OutsideCard, server: FaultyServer) -> None:
        self.machine, self.card, self.server = machine, card, server
        self.entries: list[Entry] = []
        """All of the journal that was read so far."""
        self.leave: Callable[[], None] = lambda: None
        """Power off and take all away; the rest of a long session needs none of it. May be called twice."""
        self._call, self._call_hz = say("Hey Jarvis, what time is it?")
        self._files = self._all_files()

    def install(self) -> None:
        """As the user does it."""
        self.machine.run("/src/script/install", timeout_s=400)

    def new_files(self) -> list[str]:
        """Those of the system that were not there before, logs left out."""
        return sorted(self._all_files() - self._files)

    def _all_files(self) -> set[str]:
        return set(self.machine.run(f"find {PLACES} -not -path '/var/lib/systemd/*' -not -name '*-'").splitlines())

    def show_card(self, **unit: str) -> None:
        """Let the unit see the virtual card; `unit`: settings beside the sandbox's own."""
        self.machine.write(DROP_IN, drop_in(self.card.env, **unit))
        self.machine.run("systemctl daemon-reload")

    def configure(self) -> None:
        """A configuration with our server and quick conversations; nothing is started."""
        self.machine.write(CONFIG_PATH, CONFIG.format(url=self.server.url))

    def setup(self, *arguments: str) -> tuple[int, str]:
        """`speakerd setup` without a terminal, while the microphone hears the loudspeaker."""
        self.card.loop(40, -20.0)
        try:
            card = " ".join(f"{name}={value}" for name, value in self.card.env.items())
            return self.machine.status(f"HOME=/run {card} speakerd setup {' '.join(arguments)}")
        finally:
            self.card.noloop()

    def read(self) -> list[Entry]:
        """New entries of the journal."""
        new = self.machine.journal()
        self.entries += new
        return new

    def wait(self, what: Callable[[Entry], bool], since: int, timeout_s: float) -> Entry:
        """The first of `entries[since:]` of which this is true. Raises AssertionError with what came instead."""
        until_s = time.monotonic() + timeout_s
        while True:
            self.read()
            if found := next(filter(what, self.entries[since:]), None):
                return found
            told = "\n".join(map(message, self.entries[since:]))
            assert time.monotonic() < until_s, f"it did not happen; the journal:\n{told}"
            time.sleep(0.1)

    def idle(self, timeout_s: float = 15.0) -> None:
        """Wait until no conversation goes on."""
        until_s = time.monotonic() + timeout_s
        while "Waiting for the wake word" not in (status := self.machine.show("StatusText")):
            assert time.monotonic() < until_s, f"not idle: {status}"
            time.sleep(0.2)

    def call(self, since_s: float) -> Answer:
        """Call, again and again, until the loudspeaker sounds the answer. `since_s`: from when the time counts."""
        recorder: Recorder | None = None
        calls = 0
        try:
            while time.monotonic() < since_s + GIVE_UP_S:
                try:
                    if recorder is None:
                        recorder = Recorder(self.card, "speaker")
                        recorder.start()
                    calls, called_s = calls + 1, time.monotonic()
                    speak(self.card, self._call, self._call_hz).wait()
                except SpeakerdError:  # the sound server is not there yet
                    recorder = None
                    continue
                until_s = time.monotonic() + PATIENCE_S
                while time.monotonic() < until_s:
                    time.sleep(0.05)
                    heard = recorder.so_far()
                    if (at := tone_at(heard.between(called_s, time.monotonic()))) is not None:
                        return Answer(self._woken_s(called_s) - since_s, called_s + at - since_s, calls)
        finally:
            if recorder is not None:
                recorder.stop()
        told = "\n".join(map(message, self.read()))
        raise AssertionError(f"no answer in {GIVE_UP_S:g} s and {calls} calls; the journal:\n{told}")

    def call_once(self) -> None:
        """One call, whatever comes of it."""
        speak(self.card, self._call, self._call_hz).wait()

    def call_in_vain(self) -> None:
        """One call, and wait until that conversation is over."""
        since = len(self.entries)
        self.call_once()
        self.wait(lambda entry: entry.get("SPEAKERD_EVENT") == "WakeDetected", since, 5)
        self.wait(lambda entry: entry.get("SPEAKERD_STATE") == "IDLE", since, 20)

    def _woken_s(self, since_s: float) -> float:
        self.read()
        woken = [moment(entry) for entry in self.entries if entry.get("SPEAKERD_EVENT") == "WakeDetected"]
        return next((at for at in woken if at >= since_s), float("nan"))


def message(entry: Entry) -> str:
    """What it says."""
    return str(entry.get("MESSAGE"))


def moment(entry: Entry) -> float:
    """When it was written, CLOCK_MONOTONIC seconds."""
    return int(entry.get("_SOURCE_MONOTONIC_TIMESTAMP") or entry["__MONOTONIC_TIMESTAMP"]) / 1e6


def tone_at(sound: Samples) -> float | None:
    """When the tone of an answer begins, in seconds, once it sounds long enough; None before."""
    blocks = sound[: sound.size // BLOCK * BLOCK].reshape(-1, BLOCK).astype(float)
    wave = np.exp(2j * np.pi * ANSWER_HZ * np.arange(BLOCK) / CARD_RATE_HZ)
    pure = np.flatnonzero(np.abs(blocks @ wave) ** 2 * 2 / BLOCK > 0.8 * np.sum(blocks**2, axis=1) + 1e5)
    return float(pure[0] * BLOCK / CARD_RATE_HZ) if pure.size * BLOCK / CARD_RATE_HZ >= TONE_S else None


@contextmanager
def home(suite: str, folder: Path) -> Iterator[Home]:
    """A machine on which `script/install` ran, and which has the card; neither configured nor started."""
    with ExitStack() as stack:
        card = OutsideCard(new_folder())
        stack.callback(shutil.rmtree, card.folder, ignore_errors=True)
        stack.enter_context(card)
        server = stack.enter_context(FaultyServer())
        machine = Machine(suite, folder / "boot", [card.folder])
        stack.callback(machine.stop)
        machine.start()
        household = Home(machine, card, server)
        household.leave = stack.close
        household.install()
        household.show_card()
        yield household
