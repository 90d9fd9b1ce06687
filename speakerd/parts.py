"""Makes the parts that touch the sound cards, as the configuration wants them."""

from __future__ import annotations

import os
from collections.abc import Callable

from speakerd.config.model import Audio, BargeIn, Config, Conversation, Detector
from speakerd.conversation.events import Event, FellSilent, Sounded
from speakerd.dsp.aec import WebRtcCanceller
from speakerd.errors import DeviceError
from speakerd.hw.loudspeaker import AlsaSink
from speakerd.hw.microphone import AlsaSource
from speakerd.hw.mixer import SoftwareVolume
from speakerd.mic.bargein import LEARNED, RULE, BargeInJudge
from speakerd.mic.capture import Capture, FrameQueue
from speakerd.mic.doubletalk import DoubleTalk
from speakerd.mic.duplex import Duplex
from speakerd.mic.rule import Rule
from speakerd.service.volumefile import KeptVolume, volume_file
from speakerd.speaker.playback import Playback
from speakerd.speaker.sounds import load_earcons

REPLY_MARGIN_S = 30
"""Room in the loudspeaker's queue beyond the longest reply: one that comes all at once fits, whatever is ahead."""

OnState = Callable[[str, DeviceError | None], None]
"""Told (`microphone` or `loudspeaker`, what is wrong with it or None), in the device's thread."""
OnCrash = Callable[[str, BaseException], None]


def make_duplex(config: Config) -> Duplex:
    """Echo cancellation, and the detector of interruptions."""
    by_speech = config.conversation.barge_in is BargeIn.SPEECH
    if not config.audio.echo_cancellation:
        return Duplex(None, None, None, speech_interrupts=by_speech)
    learned = config.conversation.barge_in_detector is Detector.LEARNED
    # The detector also tells the wake models when nobody speaks, so it is there though speech may not interrupt.
    detector = DoubleTalk() if learned else Rule()
    judge = BargeInJudge(LEARNED if learned else RULE) if by_speech else None
    return Duplex(WebRtcCanceller(), detector, judge, speech_interrupts=by_speech)


def make_playback(
    config: Config, post: Callable[[Event | Sounded | FellSilent], object], on_state: OnState, on_crash: OnCrash
) -> Playback:
    """The loudspeaker."""
    audio = config.audio
    return Playback(
        lambda: AlsaSink(audio.playback_device, audio.playback_rate_hz, audio.playback_buffer_ms),
        load_earcons(config.sounds),
        post,
        lambda trouble: on_state("loudspeaker", trouble),
        on_crash,
        volume_percent=audio.volume_percent,
        bound_s=reply_bound_s(config.conversation),
        duck_db=config.conversation.duck_db,
        on_sound=post,
    )


def reply_bound_s(conversation: Conversation) -> float:
    """Most sound that may wait for the loudspeaker."""
    return conversation.max_reply_s + REPLY_MARGIN_S


def make_capture(audio: Audio, queue: FrameQueue, on_state: OnState, on_crash: OnCrash) -> Capture:
    """The microphone."""
    return Capture(
        lambda: AlsaSource(audio.capture_device, audio.capture_rate_hz, audio.capture_channel),
        queue,
        lambda trouble: on_state("microphone", trouble),
        on_crash,
        audio.capture_device,
    )


def own_volume(playback: Playback) -> KeptVolume:
    """The volume of our samples, which stands at what the configuration says."""

    def set_percent(percent: int) -> None:
        playback.volume_percent = percent

    volume = SoftwareVolume(lambda: playback.volume_percent, set_percent)
    return KeptVolume(volume, volume_file(os.environ), playback.volume_percent)
