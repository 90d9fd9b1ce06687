"""The page in docs is made from the table, and is the present one."""

from __future__ import annotations

from pathlib import Path

from speakerd.conversation import diagram

PAGE = Path(__file__).parents[2] / "docs" / "conversation.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == diagram.page(), "run: python -m speakerd.conversation.diagram > docs/conversation.md"
