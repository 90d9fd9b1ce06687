"""Names, parts of them, and too many."""

from __future__ import annotations

from speakerd.skills.registry import MAX_SKILLS, Registry
from speakerd.skills.skill import Options, Skill


def named(name):
    def function() -> str:
        """Do it."""
        return name

    return Skill.of(function, Options(name=name))


def names(tools):
    return [tool["name"] for tool in tools]


def test_tools_in_order_and_in_part():
    registry = Registry([named("a"), named("b"), named("c")], off=["b"])
    assert names(registry.tools()) == ["a", "c"]
    assert names(registry.tools(["c", "b", "c", "x"])) == ["c"]
    assert registry.tools([]) == []
    assert registry.troubles == ()


def test_of_two_with_one_name_the_first_is_kept():
    first = named("a")
    registry = Registry([first, named("a")])
    assert registry.skills["a"] is first
    assert registry.troubles == ("there are two skills a: the later one is left out",)


def test_there_is_an_end_to_it():
    registry = Registry(named(f"s{number}") for number in range(MAX_SKILLS + 2))
    assert len(registry.tools()) == MAX_SKILLS
    assert len(registry.troubles) == 2
