"""The checks that make and hear sound: the microphone for three seconds, then the loudspeaker through it."""

from __future__ import annotations

import contextlib
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
from speakerd.hw.alsa import probe
from speakerd.hw.loudspeaker import AlsaSink
from speakerd.hw.microphone import AlsaSource
from speakerd.hw.naming import LINKS
from speakerd.parts import make_duplex
from speakerd.pcm import NEAR_RATE_HZ, ms_to_frames

LISTEN_S = 3.0
GLIMPSE_S = 0.2
MOST_CHANNELS = 8
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
        self._living: tuple[int, ...] = ()
        """Other channels of that card that give something."""
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
            self._living = self._living_channels()
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
                yield self._judge_dead(self._dead, hears_echo=False)
            yield device.judge(echo.LOUDSPEAKER, error, service_runs=self._service_runs)
            return
        reach = chirp.what_reached(take, SWEEPS, chirp.gain(self._audio.volume_percent))
        if self._dead is not None:
            hears = reach.echo is not None
            yield self._judge_dead(self._dead, hears_echo=hears)
            if not hears:
                return
        in_step = reach.echo is not None and not reach.echo.out_of_step
        rehearsal = self._rehearse(take) if in_step else None
        yield from echo.judge(reach, rehearsal, self._config, mixer_command(self._audio.playback_device))

    def _judge_dead(self, heard: Heard, *, hears_echo: bool) -> Finding:
        mixer = mixer_command(self._audio.capture_device)
        return microphone.judge_dead(heard, mixer, hears_echo=hears_echo, living_channels=self._living)

    def _open_microphone(self, channel: int | None = None) -> AlsaSource:
        wanted = self._audio.capture_channel if channel is None else channel
        return AlsaSource(self._audio.capture_device, self._audio.capture_rate_hz, wanted)

    def _living_channels(self) -> tuple[int, ...]:
        """Those of the same hardware, beside the configured one, that are not dead."""
        if not self._audio.capture_device.startswith(("hw:", LINKS.as_posix())):
            return ()  # other names make as many channels as one likes
        with contextlib.suppress(DeviceError):
            count = min(max(probe("capture", self._audio.capture_device).channels), MOST_CHANNELS)
            others = (channel for channel in range(count) if channel != self._audio.capture_channel)
            return tuple(channel for channel in others if self._is_alive(channel))
        return ()

    def _is_alive(self, channel: int) -> bool:
        source = self._open_microphone(channel)
        try:
            return not hear(source, GLIMPSE_S).dead
        finally:
            source.close()

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
