"""The configurations that README and docs/ show are such that one may copy them."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from speakerd.config.load import load
from speakerd.config.model import Config

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
FENCED = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^    .*\n(?:\n(?=    ))?)+", re.MULTILINE)
SECTION = re.compile(rf"(?:{'|'.join(Config.model_fields)}):(?: \{{.*)?\n")


def shown() -> list[tuple[str, str]]:
    """Page and text of each."""
    found = []
    for page in PAGES:
        text = page.read_text()
        blocks = [*FENCED.findall(text), *map(dedent, INDENTED.findall(FENCED.sub("", text)))]
        found += [(page.name, block) for block in blocks if SECTION.match(block)]
    return found


def test_there_are_some():
    pages = [page for page, _ in shown()]
    assert len(pages) >= 18
    assert {"README.md", "servers.md", "costs.md", "privacy.md", "wake.md", "skills.md"} <= set(pages)


@pytest.mark.parametrize(("page", "block"), shown(), ids=lambda text: text.split("\n")[0])
def test_a_configuration_of_a_page_is_right(page, block, tmp_path):
    for name in re.findall(r"/etc/speakerd/([\w.]+)", block):
        (tmp_path / name).write_text("")
    path = tmp_path / "speakerd.yaml"
    path.write_text(block.replace("/etc/speakerd/", f"{tmp_path}/"))
    assert load(path, {}).model_fields_set
