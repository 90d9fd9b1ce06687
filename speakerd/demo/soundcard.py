"""A sound card without hardware: a private PulseAudio with two null sinks behind ALSA's pulse plugin.

The daemon opens `speakerd_mic` and `speakerd_speaker` (or `default`) as it opens any ALSA PCM, and they
pace in real time. The other side of the card is ours: we speak into the microphone and record both.
Needs the Debian packages pulseaudio, pulseaudio-utils and libasound2-plugins; no root, kernel module or bus.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Literal

from speakerd.errors import SpeakerdError

Side = Literal["mic", "speaker"]

CARD_RATE_HZ = 48_000
_SINKS: dict[Side, tuple[str, int]] = {"mic": ("speakerd_mic_in", 1), "speaker": ("speakerd_speaker", 2)}
_PROGRAMS = ("pulseaudio", "pactl", "parec", "pacat", "setpriv")
_PLUGIN = "lib*/*/alsa-lib/libasound_module_pcm_pulse.so"
_START_TIMEOUT_S = 10.0

_ASOUNDRC = """\
pcm.speakerd_mic {{ type pulse server "unix:{socket}" device "speakerd_mic_in.monitor" }}
pcm.speakerd_speaker {{ type pulse server "unix:{socket}" device "speakerd_speaker" }}
pcm.!default {{ type asym playback.pcm "speakerd_speaker" capture.pcm "speakerd_mic" }}
ctl.!default {{ type pulse server "unix:{socket}" sink "speakerd_speaker" source "speakerd_mic_in.monitor" }}
"""

_LOOP_LEAD_MS = 20
"""The server's loop is so much faster than it was asked to be (measured)."""


def missing_programs() -> tuple[str, ...]:
    """What must be installed before a card can be started; empty when all is there."""
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if not any(Path("/usr").glob(_PLUGIN)):
        missing.append("ALSA's pulse plugin")
    return tuple(missing)


class VirtualSoundCard:
    """One card with its state in `folder`. Start it in a thread that outlives it: the server ends with that thread.

    `start` and `stop` may be called twice; `with` does both.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._sockets: tempfile.TemporaryDirectory[str] | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._loop_module = ""

    @property
    def _socket(self) -> Path:
        # Beside the folder: the name of a socket has room for 107 characters, that of a folder for more.
        assert self._sockets is not None, "the card was not started"
        return Path(self._sockets.name) / "native"

    @property
    def env(self) -> dict[str, str]:
        """What a program needs in its environment to open the card through ALSA."""
        return {
            "ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{self.folder / 'asoundrc'}",
            "PULSE_COOKIE": str(self.folder / "cookie"),  # else libpulse wants a home it can write
        }

    @property
    def pulse_env(self) -> dict[str, str]:
        """What `parec`, `pacat` and `pactl` need: this server and no other. The card must be running."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
        return {**kept, "PULSE_SERVER": f"unix:{self._socket}", "PULSE_COOKIE": str(self.folder / "cookie")}

    def start(self) -> None:
        """Bring the card up; raises SpeakerdError when it does not come."""
        if "pulse" in self._processes:
            return
        if missing := missing_programs():
            raise SpeakerdError(
                f"the virtual sound card needs {', '.join(missing)}",
                hint="install pulseaudio, pulseaudio-utils and libasound2-plugins",
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sockets = tempfile.TemporaryDirectory(prefix="speakerd-")
        (self.folder / "asoundrc").write_text(_ASOUNDRC.format(socket=self._socket))
        (self.folder / "card.pa").write_text(self._script())
        try:
            self._start_server()
            for side in _SINKS:
                self._hold(side)
            self._await("its monitors", lambda: self._count("source-outputs") >= len(_SINKS))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the processes that we started, the server last."""
        for name in sorted(self._processes, key=lambda name: name == "pulse"):
            self._end(name)
        if self._sockets is not None:
            self._sockets.cleanup()
            self._sockets = None
        self._loop_module = ""

    def __enter__(self) -> VirtualSoundCard:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def loop(self, delay_ms: int, gain_db: float) -> None:
        """Let the microphone hear the loudspeaker, like a room: about `delay_ms` later, `gain_db` louder."""
        self.noloop()
        # adjust_time: both sides tick by one clock, so nothing needs to be stretched, and the delay stays as it is.
        self._loop_module = self.pactl(
            "load-module", "module-loopback", "source=speakerd_speaker.monitor", "sink=speakerd_mic_in",
            f"latency_msec={delay_ms + _LOOP_LEAD_MS}", "adjust_time=0", "source_dont_move=true", "sink_dont_move=true",
        ).strip()  # fmt: skip
        # By its driver: the newest stream may be that of a player which has just come.
        own = max(int(row[0]) for row in self._rows("sink-inputs") if row[3] == "module-loopback.c")
        self.pactl("set-sink-input-volume", str(own), f"{gain_db}dB")

    def noloop(self) -> None:
        """Take the room away."""
        if self._loop_module:
            self.pactl("unload-module", self._loop_module)
            self._loop_module = ""

    def unplug(self, side: Side) -> None:
        """Pull the plug: open streams fail with an ALSA error, and opening fails until `plug`."""
        self.noloop()
        self._end(f"hold-{side}")
        sink = _SINKS[side][0]
        kind, device = ("sinks", sink) if side == "speaker" else ("sources", f"{sink}.monitor")
        streams, kill = (
            ("sink-inputs", "kill-sink-input") if side == "speaker" else ("source-outputs", "kill-source-output")
        )
        index = next(row[0] for row in self._rows(kind) if row[1] == device)
        victims = [row[0] for row in self._rows(streams) if row[1] == index]
        module = next(row[0] for row in self._rows("modules") if f"sink_name={sink} " in " ".join(row[2:]) + " ")
        # The server would move the streams elsewhere: first no device, then the streams die.
        self.pactl("unload-module", module)
        self._command([f"{kill} {victim}" for victim in victims])

    def plug(self, side: Side) -> None:
        """Put the plug back in."""
        self.pactl("load-module", "module-null-sink", *_sink_arguments(side))
        self._hold(side)

    def freeze(self) -> None:
        """The server hangs: streams give and take nothing, and nobody can open one, until `thaw`."""
        self._processes["pulse"].send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._processes["pulse"].send_signal(signal.SIGCONT)

    def pactl(self, *arguments: str) -> str:
        """Run pactl on this server; its output. Raises CalledProcessError."""
        done = subprocess.run(
            ("pactl", *arguments), env=self.pulse_env, check=True, capture_output=True, text=True, timeout=10
        )
        return done.stdout

    def spawn(self, *arguments: str, **kwargs: object) -> subprocess.Popen[bytes]:
        """Start a client of this server that does not outlive this process."""
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            ("setpriv", "--pdeathsig", "TERM", *arguments), env=self.pulse_env, start_new_session=True, **kwargs
        )

    def _script(self) -> str:
        lines = [
            f"load-module module-native-protocol-unix auth-anonymous=1 socket={self._socket}",
            f"load-module module-cli-protocol-unix socket={self._socket.with_name('cli')}",
            *(f"load-module module-null-sink {' '.join(_sink_arguments(side))}" for side in _SINKS),
            "set-default-sink speakerd_speaker",
            "set-default-source speakerd_mic_in.monitor",
        ]
        return "\n".join(lines) + "\n"

    def _start_server(self) -> None:
        environment = {name: value for name, value in self.pulse_env.items() if name != "PULSE_SERVER"}
        for name in ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY"):
            environment.pop(name, None)
        environment |= {"XDG_RUNTIME_DIR": str(self.folder), "HOME": str(self.folder)}
        log = self.folder / "pulse.log"
        with log.open("wb") as log_file:
            self._processes["pulse"] = subprocess.Popen(
                ("setpriv", "--pdeathsig", "TERM", "pulseaudio", "-n", "-F", str(self.folder / "card.pa"),
                 "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--realtime=yes",
                 "--high-priority=yes", "--use-pid-file=no", "--log-target=stderr"),
                env=environment, stdin=subprocess.DEVNULL, stdout=log_file, stderr=log_file, start_new_session=True,
            )  # fmt: skip
        self._await(f"the server, see {log}", lambda: self._socket.with_name("cli").exists() and self._answers())

    def _hold(self, side: Side) -> None:
        """Keep a reader on the monitor: it makes the sink tick every 10 ms, with and without the daemon."""
        self._processes[f"hold-{side}"] = self.spawn(
            "parec", "--raw", "--latency-msec=10", "-d", monitor_of(side),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _end(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        done = subprocess.run(("pactl", "info"), env=self.pulse_env, check=False, capture_output=True, timeout=10)
        return done.returncode == 0

    def _rows(self, what: str) -> list[list[str]]:
        return [line.split("\t") for line in self.pactl("list", "short", what).splitlines()]

    def _count(self, what: str) -> int:
        return len(self._rows(what))

    def _await(self, what: str, ready: Callable[[], bool]) -> None:
        until_s = time.monotonic() + _START_TIMEOUT_S
        while not ready():
            server = self._processes.get("pulse")
            if time.monotonic() > until_s or (server is not None and server.poll() is not None):
                raise SpeakerdError(f"the virtual sound card did not start: waited for {what}")
            time.sleep(0.02)

    def _command(self, lines: list[str]) -> None:
        """Send commands to the server's own command line; pactl cannot kill streams."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(2)
            line.connect(str(self._socket.with_name("cli")))
            line.sendall(("\n".join(lines) + "\n").encode())
            line.shutdown(socket.SHUT_WR)
            while line.recv(65536):
                pass


def monitor_of(side: Side) -> str:
    """The server's name for what `side` hears: what the daemon plays, or what its microphone gets."""
    return f"{_SINKS[side][0]}.monitor"


def _sink_arguments(side: Side) -> tuple[str, ...]:
    name, channels = _SINKS[side]
    # norewinds: render at most 50 ms at a time, else the first read may wait for 2 s.
    return (f"sink_name={name}", f"rate={CARD_RATE_HZ}", f"channels={channels}", "norewinds=1")
