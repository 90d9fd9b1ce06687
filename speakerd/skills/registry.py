"""All skills by name, and the `tools` of a session made from them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from speakerd.skills.schema import Json
from speakerd.skills.skill import Skill

MAX_SKILLS = 64
"""More tools than this confuse models, and cost with every response."""


class Registry:
    """Never changes."""

    def __init__(self, skills: Iterable[Skill], off: Iterable[str] = ()) -> None:
        """Of two skills with one name the first is kept; those named in `off` are left out."""
        unwanted = frozenset(off)
        found: dict[str, Skill] = {}
        troubles: list[str] = []
        for skill in skills:
            if skill.name in unwanted:
                continue
            if skill.name in found:
                troubles.append(f"there are two skills {skill.name}: the later one is left out")
            elif len(found) >= MAX_SKILLS:
                troubles.append(f"there are more than {MAX_SKILLS} skills: {skill.name} is left out")
            else:
                found[skill.name] = skill
        self.skills: Mapping[str, Skill] = MappingProxyType(found)
        self.troubles = tuple(troubles)
        """What the human should know, one sentence each."""

    def tools(self, names: Iterable[str] | None = None) -> list[Json]:
        """The entries of a session's `tools`; `names` for a part of them (a persona's), in that order."""
        return [skill.as_tool() for skill in self._wanted(names)]

    def _wanted(self, names: Iterable[str] | None) -> Iterator[Skill]:
        if names is None:
            yield from self.skills.values()
        else:
            yield from (self.skills[name] for name in dict.fromkeys(names) if name in self.skills)
