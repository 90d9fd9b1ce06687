"""All skills together, and the examples of docs/skills.md."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from speakerd.config.load import load
from speakerd.config.model import Skills
from speakerd.logfields import fields_of
from speakerd.skills import plugins
from speakerd.skills.assembly import assemble
from speakerd.skills.plugins import load_folder
from speakerd.skills.ports import Ports

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "skills.md").read_text(encoding="utf-8")
PORTS = Ports(clock=lambda: datetime.now(UTC), end=lambda: None)

CLOCK_AND_LAMP = '''\
from speakerd.skills import skill

@skill
def time_and_date() -> str:
    """Another clock."""
    return "noon"

@skill
def lamp(on: bool) -> None:
    """Switch."""
'''


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own.py").write_text(CLOCK_AND_LAMP)
    (tmp_path / "bad.py").write_text("1 / 0\n")
    return tmp_path


@pytest.fixture(autouse=True)
def no_packages(monkeypatch):
    """What is installed on this machine is not part of the test."""
    monkeypatch.setattr(plugins, "entry_points", lambda group: [])


def test_all_together(folder, caplog):
    registry = assemble(Skills(folder=str(folder), off=("end_conversation", "dance")), PORTS)
    assert list(registry.skills) == ["time_and_date", "lamp"]
    assert registry.skills["time_and_date"].description.startswith("Tell")
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        f"A skill is not as it should be: {folder / 'bad.py'}:1: ZeroDivisionError: division by zero",
        "A skill is not as it should be: there are two skills time_and_date: the later one is left out",
        "A skill is not as it should be: skills.off: there is no skill dance",
    ]


def test_the_journal_takes_each_for_a_trouble_of_its_own(caplog):
    assemble(Skills(off=("dance", "sing", "jump", "run")), PORTS)
    assert len({fields_of(record)["reason"] for record in caplog.records}) == 4


def test_without_a_folder(caplog):
    assert list(assemble(Skills(), PORTS).skills) == ["end_conversation", "time_and_date"]
    assert caplog.text == ""


def test_the_example_of_the_page_is_a_skill(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "lamps.py").write_text(example)
    loaded = load_folder(tmp_path)
    assert loaded.troubles == []
    (skill,) = loaded.skills
    assert skill.function(**skill.parameters.read('{"lamp": "desk", "on": true}')) == "on"
    assert skill.parameters.schema["properties"]["on"]["description"] == "False to switch it off."


def test_the_configurations_of_the_page_are_right(tmp_path):
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        (tmp_path / "speakerd.yaml").write_text(example)
        (server,) = load(tmp_path / "speakerd.yaml", {}).skills.mcp
        assert server.allowed_tools


def test_every_built_in_skill_stands_on_the_page():
    class Anything:
        pass

    everything = Ports(clock=PORTS.clock, end=PORTS.end, volume=Anything(), purse=Anything())
    for name in assemble(Skills(), everything).skills:
        assert f"`{name}`" in PAGE
