"""The checks that make and hear sound: the microphone for three seconds, then the loudspeaker through it."""

from __future__ import annotations

from collections.abc import Iterator

from speakerd.config.model import Audio
from speakerd.doctor import chirp
from speakerd.doctor.chirp import Take
from speakerd.doctor.finding import Finding
from speakerd.doctor.judges import device, echo, microphone
from speakerd.doctor.patient import Patient
from speakerd.doctor.probes.echo import play_and_listen
from speakerd.doctor.probes.microphone import listen
from speakerd.doctor.rehearsal import Rehearsal, rehearse
from speakerd.errors import DeviceError
from speakerd.hw.loudspeaker import AlsaSink
from speakerd.hw.microphone import AlsaSource
from speakerd.hw.mixer import mixer_device
from speakerd.parts import make_duplex
from speakerd.pcm import NEAR_RATE_HZ, ms_to_frames

SWEEPS = 3
SURF_MS = 3_000
_LEAD_MS = 300
"""What the rehearsal hears of the room before the surf."""


def check_microphone(patient: Patient, *, service_runs: bool) -> Iterator[Finding]:
    """Level, noise, clipping."""
    audio = patient.config.audio
    try:
        yield from microphone.judge(listen(audio), mixer_command(audio.capture_device))
    except DeviceError as error:
        yield device.judge(microphone.SUBJECT, error, service_runs=service_runs)


def check_echo(patient: Patient, *, service_runs: bool) -> Iterator[Finding]:
    """Is the loudspeaker heard, when, how loud, and may speech interrupt?"""
    audio = patient.config.audio
    subject = microphone.SUBJECT
    try:
        source = AlsaSource(audio.capture_device, audio.capture_rate_hz, audio.capture_channel)
        try:
            subject = echo.LOUDSPEAKER
            take = _take(source, audio)
        finally:
            source.close()
    except DeviceError as error:
        if subject == echo.LOUDSPEAKER:  # the microphone has its own check
            yield device.judge(subject, error, service_runs=service_runs)
        return
    reach = chirp.what_reached(take, SWEEPS, chirp.gain(audio.volume_percent))
    rehearsal = _rehearse(patient, take) if reach.echo is not None else None
    yield from echo.judge(reach, rehearsal, patient.config, mixer_command(audio.playback_device))


def mixer_command(pcm: str) -> str:
    """The command that opens the mixer of a PCM's card."""
    return f"alsamixer -D {mixer_device(pcm)}"


def _take(source: AlsaSource, audio: Audio) -> Take:
    sink = AlsaSink(audio.playback_device, audio.playback_rate_hz, audio.playback_buffer_ms)
    try:
        gain = chirp.gain(audio.volume_percent)
        return play_and_listen(source, sink, chirp.row(SWEEPS, gain), chirp.surf(SURF_MS, gain))
    finally:
        sink.close()


def _rehearse(patient: Patient, take: Take) -> Rehearsal:
    """The surf alone: of sweeps no canceller learns."""
    begin = round(take.far_at_frames) + ms_to_frames(chirp.row_ms(SWEEPS), NEAR_RATE_HZ)
    lead = ms_to_frames(_LEAD_MS, NEAR_RATE_HZ)
    near = take.near[max(0, begin - lead) :]
    far = chirp.surf(SURF_MS, chirp.gain(patient.config.audio.volume_percent))
    return rehearse(make_duplex(patient.config), near, far, min(lead, begin))
