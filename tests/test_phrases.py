"""Everything that is said aloud can be said in each language."""

from __future__ import annotations

from typing import get_args

import pytest

from speakerd.cashier import spoken
from speakerd.config.model import Sounds
from speakerd.deafness import DEAF, HEARS_AGAIN, MUTED
from speakerd.phrases import _PHRASES, translated
from speakerd.purse.budget import Grade, Span
from speakerd.realtime.troubles import NOTICES

LANGUAGES = get_args(Sounds.model_fields["language"].annotation)
SAID = [notice.spoken for notice in NOTICES.values()]
SAID += [spoken(span, grade) for span in Span for grade in Grade]
SAID += [MUTED, DEAF, HEARS_AGAIN]


@pytest.mark.parametrize("language", set(LANGUAGES) - {"en"})
def test_all_that_is_said_can_be_said_in_it(language):
    words = [translated([sentence], language) for sentence in SAID]
    assert None not in words
    assert len(set(words)) == len(set(SAID))
    assert not set(words) & set(SAID)


def test_nothing_is_translated_that_is_never_said():
    assert set(_PHRASES) == set(SAID)


def test_several_are_said_in_one_language_or_not_at_all():
    one, two = SAID[:2]
    assert translated([one, two], "de") == f"{translated([one], 'de')} {translated([two], 'de')}"
    assert translated([one, "Something new."], "de") is None
    assert translated([one], "en") is translated([one], "xx") is translated([], "de") is None
