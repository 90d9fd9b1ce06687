"""From a function's type hints to the JSON Schema for the model, and from the model's JSON to arguments. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic.errors import PydanticUndefinedAnnotation

Json: TypeAlias = dict[str, Any]

MAX_ARGUMENTS_CHARACTERS = 20_000
"""Longest arguments that are looked at."""
_SHOWN_MISTAKES = 5
_SHOWN_CHARACTERS = 200

_DROPPED = frozenset({"title", "discriminator"})
"""Keywords of JSON Schema that cost tokens, and tell the model nothing."""


class UnusableError(ValueError):
    """A function cannot be a skill; the message says why, for who wrote it."""


class ArgumentsError(ValueError):
    """The model's arguments do not fit; the message says why, in words for the model."""


class Parameters:
    """What a function takes by name."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Raises UnusableError."""
        hints = _hints(function)
        fields: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        # The fields have names of our own, the model sees the parameter's: a parameter may be called `json` or `_x`.
        for number, parameter in enumerate(inspect.signature(function).parameters.values()):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
                raise UnusableError(f"the parameter {parameter.name} cannot be given by name")
            if parameter.name not in hints:
                raise UnusableError(f"the parameter {parameter.name} has no type hint")
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[f"field_{number}"] = (_described(hints[parameter.name]), Field(default, alias=parameter.name))
            self._names[f"field_{number}"] = parameter.name
        try:
            self._model: type[BaseModel] = create_model(
                "Arguments", __config__=ConfigDict(extra="forbid", coerce_numbers_to_str=True), **fields
            )
            self.schema: Json = _plain(self._model.model_json_schema())
        except (PydanticUserError, PydanticUndefinedAnnotation, TypeError) as error:
            raise UnusableError(f"a type hint has no JSON Schema: {_first_line(error)}") from error

    def read(self, arguments: str) -> dict[str, Any]:
        """The arguments in the JSON text that the model wrote, defaults added. Raises ArgumentsError."""
        if len(arguments) > MAX_ARGUMENTS_CHARACTERS:
            raise ArgumentsError(f"the arguments are longer than {MAX_ARGUMENTS_CHARACTERS} characters")
        try:
            found = self._model.model_validate_json(arguments.strip() or "{}")
        except ValidationError as error:
            raise ArgumentsError(_in_words(error)) from None
        return {name: getattr(found, field) for field, name in self._names.items()}


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        raise UnusableError(f"a type hint cannot be understood: {_first_line(error)}") from error


def _described(hint: Any) -> Any:  # noqa: ANN401 - whatever a type hint is
    """A bare text in `Annotated[int, "Percent"]` becomes the description of the parameter."""
    if get_origin(hint) in (Union, UnionType):
        return Union[tuple(_described(choice) for choice in get_args(hint))]  # noqa: UP007 - of as many as there are
    if get_origin(hint) is not Annotated:
        return hint
    kind, *notes = get_args(hint)
    notes = [Field(description=note) if isinstance(note, str) else note for note in notes]
    return Annotated[(kind, *notes)]


def _plain(schema: Json) -> Json:
    """The schema without references and titles: compatible servers and small models understand little."""
    definitions = schema.pop("$defs", {})

    def walk(node: Any, inside: tuple[str, ...]) -> Any:  # noqa: ANN401 - a piece of JSON
        if isinstance(node, list):
            return [walk(child, inside) for child in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            if name in inside:
                raise UnusableError(f"the type {name} contains itself")
            rest = {key: value for key, value in node.items() if key != "$ref"}
            return {**walk(definitions[name], (*inside, name)), **walk(rest, inside)}
        kept = {}
        for key, value in node.items():
            if key in ("properties", "patternProperties", "$defs"):  # names, not keywords
                kept[key] = {name: walk(child, inside) for name, child in value.items()}
            elif key in ("default", "enum", "const", "examples"):  # values, not schemas
                kept[key] = value
            elif key not in _DROPPED:
                kept[key] = walk(value, inside)
        return _without_null(kept)

    plain: Json = walk(schema, ())
    plain.setdefault("properties", {})
    return plain


def _without_null(node: Json) -> Json:
    """`X or null` as X where null is the default: leaving it out says the same."""
    choices = node.get("anyOf")
    if not isinstance(choices, list) or "default" not in node or node["default"] is not None:
        return node
    rest = [choice for choice in choices if choice != {"type": "null"}]
    if len(rest) != 1:
        return node
    return {**rest[0], **{key: value for key, value in node.items() if key not in ("anyOf", "default")}}


def _in_words(error: ValidationError) -> str:
    mistakes = []
    for detail in error.errors(include_url=False, include_input=False)[:_SHOWN_MISTAKES]:
        place = ".".join(str(part) for part in detail["loc"])
        message = detail["msg"][:_SHOWN_CHARACTERS]
        mistakes.append(f"{place[:_SHOWN_CHARACTERS]}: {message}" if place else message)
    return "; ".join(mistakes)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:_SHOWN_CHARACTERS]
