"""The page in docs is made from the table, and is the present one."""

from __future__ import annotations

from pathlib import Path

from speakerd.conversation import diagram

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "conversation.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == diagram.page(), "run: python -m speakerd.conversation.diagram > docs/conversation.md"


def test_the_diagram_of_the_architecture_is_the_same():
    assert f"```mermaid\n{diagram.mermaid()}\n```" in (DOCS / "architecture.md").read_text()
