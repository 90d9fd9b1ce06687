"""Cards that grant little, behind the real alsa-lib: a plugin of our own that refuses as `hw:` does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "support" / "odd_card.c"
HEADER = Path("/usr/include/alsa/asoundlib.h")

CARDS = {
    "rates": 'rates "8000 44100 48000" channels "1 2" formats "S16_LE"',
    "cd": 'rates "44100" channels "2" formats "S16_LE"',
    "telephone": 'rates "8000 11025" channels "1" formats "S16_LE"',
    "wide": 'rates "48000" channels "2" formats "S32_LE"',
    "packed": 'rates "16000 48000" channels "1 2" formats "S24_3LE"',
    "padded": 'rates "16000 48000" channels "1 2" formats "S24_LE"',
    "hat": 'rates "16000 44100 48000" channels "2 4 6 8" formats "U8 S32_LE"',
    "six": 'rates "16000" channels "6" formats "S16_LE"',
    "blocks": 'rates "44100" channels "2" formats "S16_LE" period_bytes "64 4096"',
}

PROGRAM = """
import json, sys
import numpy as np
from speakerd.hw.loudspeaker import AlsaSink
from speakerd.hw.microphone import AlsaSource

told = {}
for name, channel in json.loads(sys.argv[1]):
    source = AlsaSource(name, 16000, channel)
    heard = np.concatenate([source.read().samples for _ in range(12)])
    sink = AlsaSink(name, 48000, 80)
    xruns = sum(sink.write(np.zeros(sink.period_frames, np.int16)) for _ in range(6))
    granted = source.granted
    told[f"{name}:{channel}"] = [granted.rate_hz, granted.channels, granted.form.name, granted.period_frames,
                                 int(heard.size), int(np.median(heard)), sink.rate_hz, xruns]
    source.close()
    sink.close()
print(json.dumps(told))
"""


@pytest.fixture(scope="session")
def odd_environment(tmp_path_factory):
    """What a program needs to open the cards."""
    if shutil.which("cc") is None or not HEADER.exists():
        pytest.skip("compiles a plugin for alsa-lib: needs cc and libasound2-dev")
    folder = tmp_path_factory.mktemp("odd")
    library, rc = folder / "libodd.so", folder / "asoundrc"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-DPIC", "-o", str(library), str(SOURCE), "-lasound"], check=True, timeout=60
    )
    lines = [
        f'pcm_type.odd {{ lib "{library}" }}',
        *(f"pcm.{name} {{ type odd {text} }}" for name, text in CARDS.items()),
    ]
    rc.write_text("\n".join(lines))
    return {**os.environ, "ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{rc}"}


@pytest.fixture(scope="session")
def granted(odd_environment):
    """What each card gave, by name and channel."""
    asked = [[name, 0] for name in CARDS] + [["hat", 1], ["hat", 3], ["hat", 7], ["six", 5]]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(asked)],
        env=odd_environment, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("card", "rate_hz", "channels", "form", "period_frames", "sink_hz"),
    [
        ("rates:0", 48_000, 1, "S16_LE", 960, 48_000),  # alsa-lib alone would settle for 8 kHz
        ("cd:0", 44_100, 2, "S16_LE", 882, 44_100),
        ("telephone:0", 11_025, 1, "S16_LE", 220, 11_025),
        ("wide:0", 48_000, 2, "S32_LE", 960, 48_000),
        ("packed:0", 16_000, 1, "S24_3LE", 320, 48_000),
        ("padded:0", 16_000, 1, "S24_LE", 320, 48_000),
        ("hat:0", 16_000, 2, "S32_LE", 320, 48_000),
        ("hat:1", 16_000, 2, "S32_LE", 320, 48_000),
        ("hat:3", 16_000, 4, "S32_LE", 320, 48_000),
        ("hat:7", 16_000, 8, "S32_LE", 320, 48_000),
        ("six:5", 16_000, 6, "S16_LE", 320, 16_000),
        ("blocks:0", 44_100, 2, "S16_LE", 1_024, 44_100),
    ],
)
def test_the_nearest_is_agreed_on_and_converted(granted, card, rate_hz, channels, form, period_frames, sink_hz):
    told = granted[card]
    assert told[:4] == [rate_hz, channels, form, period_frames]
    seconds = 12 * period_frames / rate_hz
    assert told[4] == pytest.approx(seconds * 16_000, abs=1_000), "at 16 kHz, whatever the card's rate"
    assert told[5] == pytest.approx(1_000 * (int(card[-1]) + 1), abs=1), "of the channel that was asked for"
    assert told[6] == sink_hz
    assert told[7] == 0, "no underruns"
