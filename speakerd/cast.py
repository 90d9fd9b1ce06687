"""Who answers: the persona that belongs to the wake word. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from speakerd.config.mistakes import listed, nearest
from speakerd.config.model import Config, Persona, Realtime
from speakerd.realtime.settings import session_settings
from speakerd.skills.schema import Json

NO_SKILLS = "none"


@dataclass(frozen=True, slots=True)
class Role:
    """A persona, or whoever answers to a word without one."""

    realtime: Realtime
    """With its voice, model and instructions in it."""
    name: str = ""
    skills: tuple[str, ...] | None = None
    """Of skills and MCP servers; None: all that there are."""


class Cast:
    """Never changes."""

    def __init__(self, config: Config) -> None:
        self.default = Role(config.realtime)
        """Answers to words without a persona; a session that is kept warm is for this one."""
        self.words = tuple(_name(word.model) for word in config.wake.words)
        """Wake words, as events name them."""
        roles = {persona.name: _role(persona, config.realtime) for persona in config.wake.personas}
        self.roles: tuple[Role, ...] = (self.default, *roles.values())
        self._by_word: Mapping[str, Role] = {
            _name(word.model): roles[word.persona] for word in config.wake.words if word.persona
        }

    def answering(self, word: str) -> Role:
        """Who answers to this wake word, as events name it."""
        return self._by_word.get(word, self.default)

    def billed_to(self, word: str) -> str:
        """The name in the ledger: the persona's, else the wake word."""
        return self.answering(word).name or word

    def sessions(
        self, tools: Callable[[tuple[str, ...] | None], list[Json]], *, transcripts: bool
    ) -> dict[str, tuple[str, Json]]:
        """Model and session of each role, by its name; `tools` gives those of the names that it has."""
        return {
            role.name: (
                role.realtime.model,
                session_settings(role.realtime, transcripts=transcripts, tools=tools(role.skills), withhold=True),
            )
            for role in self.roles
        }

    def unknown_skills(self, known: Iterable[str]) -> list[str]:
        """What is wrong with the lists of skills, one sentence each; `known`: skills and MCP servers that there are."""
        names = list(known)
        return [
            f"wake.personas, {role.name}, skills: found {name!r}, expected {_expected(name, names)}; it is left out."
            for role in self.roles
            for name in role.skills or ()
            if name not in names
        ]


def _role(persona: Persona, realtime: Realtime) -> Role:
    own = {key: getattr(persona, key) for key in ("voice", "instructions", "model") if getattr(persona, key)}
    skills = tuple(name for name in persona.skills if name != NO_SKILLS)
    return Role(realtime.model_copy(update=own), persona.name, skills if persona.skills else None)


def _name(model: str) -> str:
    """As events call a wake word: the name of the model, or of its file."""
    name = model.rsplit("/", 1)[-1]
    return next((name.removesuffix(suffix) for suffix in (".tflite", ".onnx") if name.endswith(suffix)), name)


def _expected(name: str, names: list[str]) -> str:
    meant = nearest(name, names)
    hint = f" (did you mean {meant}?)" if meant else ""
    return f"a skill or the label of an MCP server: {listed([*names, NO_SKILLS])}{hint}"
