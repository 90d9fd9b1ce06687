"""A skill: a function that the model may call, and what it needs to know about it. Pure."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from speakerd.skills.schema import Json, Parameters, UnusableError

F = TypeVar("F", bound=Callable[..., Any])

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MARK = "__speakerd_skill__"

MAX_DESCRIPTION_CHARACTERS = 1_000
"""The description goes along with every response, and is paid for."""


class SkillError(Exception):
    """Raised by a skill that cannot do what it was asked to: the message is told to the model, word for word."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `@skill` was given; None for what the configuration says."""

    name: str | None = None
    timeout_s: float | None = None
    output_characters: int | None = None
    wants_reply: bool = True


@dataclass(frozen=True, slots=True)
class Skill:
    """A function that the model may call."""

    name: str
    description: str
    function: Callable[..., Any]
    """Plain, or a coroutine function: then it runs in the loop and must not block."""
    parameters: Parameters
    timeout_s: float | None = None
    """Time that it may take; None for the usual."""
    output_characters: int | None = None
    """Longest output; None for the usual."""
    wants_reply: bool = True
    """False if the assistant need not say anything to its output."""

    @classmethod
    def of(cls, function: Callable[..., Any], options: Options | None = None) -> Skill:
        """The skill that a function is. Raises UnusableError, which says what it lacks."""
        options = options or getattr(function, _MARK, None) or Options()
        name = str(options.name or getattr(function, "__name__", ""))
        if not _NAME.fullmatch(name):
            raise UnusableError(f"the name {name[:80]!r} is not made of up to 64 letters A-Z, digits, _ and -")
        description = inspect.cleandoc(getattr(function, "__doc__", None) or "")
        if not description:
            raise UnusableError("it has no docstring: the model would not know what it is for")
        if len(description) > MAX_DESCRIPTION_CHARACTERS:
            raise UnusableError(f"its docstring is longer than {MAX_DESCRIPTION_CHARACTERS} characters")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise UnusableError("it is a generator: return the whole answer")
        return cls(
            name, description, function, Parameters(function), options.timeout_s, options.output_characters,
            options.wants_reply,
        )  # fmt: skip

    @property
    def is_async(self) -> bool:
        """True for a coroutine function."""
        return inspect.iscoroutinefunction(self.function)

    def as_tool(self) -> Json:
        """Its entry in the `tools` of a session."""
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters.schema,
        }


@overload
def skill(function: F) -> F: ...
@overload
def skill(
    *,
    name: str | None = None,
    timeout_s: float | None = None,
    output_characters: int | None = None,
    wants_reply: bool = True,
) -> Callable[[F], F]: ...
def skill(
    function: F | None = None,
    *,
    name: str | None = None,
    timeout_s: float | None = None,
    output_characters: int | None = None,
    wants_reply: bool = True,
) -> F | Callable[[F], F]:
    """Mark a function as a skill: `@skill`, or `@skill(timeout_s=30)`. The function itself stays as it is.

    `wants_reply=False`: the assistant need not say anything afterwards, which saves a response.
    """
    options = Options(name, timeout_s, output_characters, wants_reply)

    def mark(function: F) -> F:
        setattr(function, _MARK, options)
        return function

    return mark if function is None else mark(function)


def is_marked(thing: object) -> bool:
    """True for a function that `@skill` marked."""
    return callable(thing) and isinstance(getattr(thing, _MARK, None), Options)
