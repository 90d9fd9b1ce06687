"""What tests of the loudspeaker share."""

from __future__ import annotations

import pytest
from support.studio import Studio

from speakerd.hw.silent import SilentSink


@pytest.fixture
def studio():
    made = []

    def build(open_sink=lambda: SilentSink(48_000, 80), **options):
        made.append(Studio(open_sink, **options))
        return made[-1]

    yield build
    for one in made:
        one.close()
