"""What a response costs, in tokens as the service counts them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from speakerd.server.settings import Json

USER_TOKENS_PER_S = 10
ASSISTANT_TOKENS_PER_S = 20


def text_tokens(text: str) -> int:
    """Four characters a token, as a rule of thumb says."""
    return (len(text) + 3) // 4


def audio_tokens(ms: float, per_s: int) -> int:
    """Tokens of `ms` of sound."""
    return int(ms * per_s / 1000)


@dataclass(frozen=True, slots=True)
class InputTokens:
    """What a response reads; `cached_*` of it was read by the response before."""

    text: int
    audio: int
    cached_text: int
    cached_audio: int

    def usage(self, text: int, audio: int) -> Json:
        """The usage object of a response that read this and wrote `text` and `audio` tokens."""
        cached = {"text_tokens": self.cached_text, "audio_tokens": self.cached_audio, "image_tokens": 0}
        return {
            "total_tokens": self.text + self.audio + text + audio,
            "input_tokens": self.text + self.audio,
            "output_tokens": text + audio,
            "input_token_details": {
                "text_tokens": self.text,
                "audio_tokens": self.audio,
                "image_tokens": 0,
                "cached_tokens": self.cached_text + self.cached_audio,
                "cached_tokens_details": cached,
            },
            "output_token_details": {"text_tokens": text, "audio_tokens": audio},
        }
