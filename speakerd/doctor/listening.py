"""The checks that make and hear sound: the microphone for three seconds, then the loudspeaker through it."""

from __future__ import annotations

from collections.abc import Iterator

from speakerd.doctor import chirp
from speakerd.doctor.chirp import Take
from speakerd.doctor.finding import Finding
from speakerd.doctor.hardware import mixer_command
from speakerd.doctor.judges import device, echo, microphone
from speakerd.doctor.judges.microphone import Heard
from speakerd.doctor.patient import Patient
from speakerd.doctor.probes.echo import play_and_listen
from speakerd.doctor.probes.microphone import hear
from speakerd.doctor.rehearsal import Rehearsal, rehearse
from speakerd.errors import DeviceError
from speakerd.hw.loudspeaker import AlsaSink
from speakerd.hw.microphone import AlsaSource
from speakerd.parts import make_duplex
from speakerd.pcm import NEAR_RATE_HZ, ms_to_frames

LISTEN_S = 3.0
SWEEPS = 3
SURF_MS = 3_000
_LEAD_MS = 300
"""What the rehearsal hears of the room before the surf."""


class Listening:
    """One microphone and one loudspeaker. `check_microphone` first."""

    def __init__(self, patient: Patient, *, service_runs: bool) -> None:
        self._config = patient.config
        self._audio = patient.config.audio
        self._service_runs = service_runs
        self._dead: Heard | None = None
        """The microphone gave nothing in silence; some do, so the loudspeaker decides what that means."""
        self.deaf = False
        """It could not be opened, or stopped."""

    def check_microphone(self) -> Iterator[Finding]:
        """Level, noise, clipping."""
        try:
            source = self._open_microphone()
            try:
                heard = hear(source, LISTEN_S)
            finally:
                source.close()
        except DeviceError as error:
            self.deaf = True
            yield device.judge(microphone.SUBJECT, error, service_runs=self._service_runs)
            return
        if heard.dead:
            self._dead = heard
        else:
            yield from microphone.judge(heard, mixer_command(self._audio.capture_device))

    def check_echo(self) -> Iterator[Finding]:
        """Is the loudspeaker heard, when, how loud, and may speech interrupt?"""
        try:
            if self.deaf:
                AlsaSink(
                    self._audio.playback_device, self._audio.playback_rate_hz, self._audio.playback_buffer_ms
                ).close()
                return
            take = self._take()
        except DeviceError as error:
            if self._dead is not None:
                yield microphone.judge_dead(self._dead, mixer_command(self._audio.capture_device), hears_echo=False)
            yield device.judge(echo.LOUDSPEAKER, error, service_runs=self._service_runs)
            return
        reach = chirp.what_reached(take, SWEEPS, chirp.gain(self._audio.volume_percent))
        if self._dead is not None:
            hears = reach.echo is not None
            yield microphone.judge_dead(self._dead, mixer_command(self._audio.capture_device), hears_echo=hears)
            if not hears:
                return
        rehearsal = self._rehearse(take) if reach.echo is not None else None
        yield from echo.judge(reach, rehearsal, self._config, mixer_command(self._audio.playback_device))

    def _open_microphone(self) -> AlsaSource:
        return AlsaSource(self._audio.capture_device, self._audio.capture_rate_hz, self._audio.capture_channel)

    def _take(self) -> Take:
        gain = chirp.gain(self._audio.volume_percent)
        source = self._open_microphone()
        try:
            audio = self._audio
            sink = AlsaSink(audio.playback_device, audio.playback_rate_hz, audio.playback_buffer_ms)
            try:
                return play_and_listen(source, sink, chirp.row(SWEEPS, gain), chirp.surf(SURF_MS, gain))
            finally:
                sink.close()
        finally:
            source.close()

    def _rehearse(self, take: Take) -> Rehearsal:
        """The surf alone: of sweeps no canceller learns."""
        begin = round(take.far_at_frames) + ms_to_frames(chirp.row_ms(SWEEPS), NEAR_RATE_HZ)
        lead = ms_to_frames(_LEAD_MS, NEAR_RATE_HZ)
        far = chirp.surf(SURF_MS, chirp.gain(self._audio.volume_percent))
        return rehearse(make_duplex(self._config), take.near[max(0, begin - lead) :], far, min(lead, begin))
