"""The virtual sound card for a service in a machine of its own, and what can happen to a sound server."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

from speakerd.demo.soundcard import VirtualSoundCard, monitor_of


class OutsideCard(VirtualSoundCard):
    """`folder` is the card's alone; the machine sees it under the same name. Anybody may enter."""

    def start(self) -> None:
        """Bring the card up, with its sockets in the folder too."""
        self.folder.mkdir(parents=True, exist_ok=True)
        before, tempfile.tempdir = tempfile.tempdir, str(self.folder)
        try:
            super().start()
        finally:
            tempfile.tempdir = before
        self.folder.chmod(0o755)
        self._socket.parent.chmod(0o755)
        for path in (self.folder / "asoundrc", self.folder / "cookie"):
            if path.exists():
                path.chmod(0o644)

    def crash(self) -> None:
        """The sound server is killed, and both devices with it; so is the room between them."""
        self._loop_module = ""
        server = self._processes.pop("pulse")
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        for side in ("mic", "speaker"):
            self._end(f"hold-{side}")
        for name in ("native", "cli"):
            (self._socket.parent / name).unlink(missing_ok=True)

    def revive(self) -> None:
        """It is started again, at the same place."""
        self._start_server()
        self._hold("mic")
        self._hold("speaker")

    def hush(self, *, hushed: bool) -> None:
        """The microphone gives nothing but zeros; or sound again."""
        self.pactl("set-source-mute", monitor_of("mic"), str(int(hushed)))

    def suspend(self, *, asleep: bool) -> None:
        """Both devices are suspended: they neither give nor take sound; or they are awake again."""
        for sink in ("speakerd_speaker", "speakerd_mic_in"):
            self.pactl("suspend-sink", sink, str(int(asleep)))


def new_folder() -> Path:
    """Where the card may live: not in /tmp, which the service has for itself."""
    return Path(tempfile.mkdtemp(prefix="speakerd-card-", dir="/run"))
