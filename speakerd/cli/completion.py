"""Writes `completion/` from the commands themselves: `python -m speakerd.cli.completion`. Words only, no program runs.

A shell then completes without starting Python for each press of the key, which takes half a second on a Pi.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from speakerd.cli import VERBS, group

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder: this module is for its checkout, not for an installed copy."""
FILES = "files"
"""In the place of words: names of files."""


@dataclass(slots=True)
class Place:
    """A command: what may stand behind it."""

    name: str
    """With those that it belongs to: `speakerd ctl volume`."""
    commands: dict[str, str] = field(default_factory=dict)
    """Names and what they do."""
    options: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[str] | str] = field(default_factory=dict)
    """Options that a value follows, and what it may be: words, FILES, or nothing that is known."""
    takes_files: bool = False


def places() -> list[Place]:
    """Every command there is, the whole first."""
    return list(_places(group, "speakerd"))


def _places(command: click.Command, name: str) -> Iterator[Place]:
    context = click.Context(command, info_name=name)
    place = Place(name)
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Argument):
            place.takes_files |= _is_file(parameter)
            continue
        assert isinstance(parameter, click.Option)
        if parameter.hidden:
            continue
        for flag in (*parameter.opts, *parameter.secondary_opts):
            place.options[flag] = _one_line(parameter.help or "")
            if not parameter.is_flag and not parameter.count:
                place.values[flag] = _values(parameter)
    below: list[tuple[str, click.Command]] = []
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None and not found.hidden:
                below.append((child, found))
                place.commands[child] = VERBS[child] if command is group else _one_line(found.get_short_help_str(200))
    yield place
    for child, found in below:
        yield from _places(found, f"{name} {child}")


def _values(parameter: click.Parameter) -> list[str] | str:
    if isinstance(parameter.type, click.Choice):
        return [str(choice) for choice in parameter.type.choices]
    return FILES if _is_file(parameter) else []


def _is_file(parameter: click.Parameter) -> bool:
    return isinstance(parameter.type, click.Path | click.File)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def bash() -> str:
    """The file for bash."""
    return f"""\
# Completion of speakerd for bash. Made by `python -m speakerd.cli.completion`; do not edit.
_speakerd() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} place=speakerd i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$place ${{COMP_WORDS[i]}}" in
            {_alternatives(place.name for place in places()[1:])}) place="$place ${{COMP_WORDS[i]}}" ;;
        esac
    done
    case "$place ${{COMP_WORDS[COMP_CWORD - 1]}}" in
{_bash_values()}\
    esac
    local words=
    case "$place" in
{_bash_words()}\
    esac
    COMPREPLY+=($(compgen -W "$words" -- "$current"))
}}
complete -o filenames -F _speakerd speakerd
"""


def _bash_values() -> str:
    lines = []
    for names, value in _by_value():
        what = "-f" if value == FILES else f"-W '{' '.join(value)}'"
        reply = f'mapfile -t COMPREPLY < <(compgen {what} -- "$current"); return' if value else "return"
        lines.append(f"        {_alternatives(names)}) {reply} ;;\n")
    return "".join(lines)


def _bash_words() -> str:
    lines = []
    for place in places():
        words = f"words='{' '.join([*place.commands, *place.options])}'"
        files = '; mapfile -t COMPREPLY < <(compgen -f -- "$current")' if place.takes_files else ""
        lines.append(f"        '{place.name}') {words}{files} ;;\n")
    return "".join(lines)


def zsh() -> str:
    """The file for zsh."""
    return f"""\
#compdef speakerd
# Completion of speakerd for zsh. Made by `python -m speakerd.cli.completion`; do not edit.
_speakerd() {{
    local place=speakerd i
    for ((i = 2; i < CURRENT; i++)); do
        case "$place $words[i]" in
            ({_alternatives(place.name for place in places()[1:])}) place="$place $words[i]" ;;
        esac
    done
    case "$place $words[CURRENT-1]" in
{_zsh_values()}\
    esac
    local -a commands options
    case $place in
{_zsh_words()}\
    esac
    (( $#commands )) && _describe command commands
    _describe -o option options
}}
_speakerd "$@"
"""


def _zsh_values() -> str:
    lines = []
    for names, value in _by_value():
        done = "_files; return" if value == FILES else f"compadd {' '.join(value)}; return" if value else "return"
        lines.append(f"        ({_alternatives(names)}) {done} ;;\n")
    return "".join(lines)


def _zsh_words() -> str:
    lines = []
    for place in places():
        described = [
            f"{kind}=({' '.join(_described(name, text) for name, text in found.items())})"
            for kind, found in (("commands", place.commands), ("options", place.options))
            if found
        ]
        files = ["_files"] if place.takes_files else []
        lines.append(f"        ('{place.name}') {'; '.join([*described, *files])} ;;\n")
    return "".join(lines)


def _described(name: str, text: str) -> str:
    quoted = f"{name}:{text}".replace("'", "'\\''")
    return f"'{quoted}'"


def _by_value() -> list[tuple[list[str], list[str] | str]]:
    """Options with a value, as `speakerd check --config`, and what it may be; those alike together."""
    found: list[tuple[list[str], list[str] | str]] = []
    for place in places():
        for flag, value in place.values.items():
            names = next((names for names, other in found if other == value), None)
            if names is None:
                found.append((names := [], value))
            names.append(f"{place.name} {flag}")
    return found


def _alternatives(names: Iterator[str] | list[str]) -> str:
    return " | ".join(f"'{name}'" for name in names)


def documents() -> dict[str, str]:
    """The text of each generated file, by its path below the project's root."""
    return {"completion/speakerd.bash": bash(), "completion/_speakerd": zsh()}


if __name__ == "__main__":
    for name, text in documents().items():
        (ROOT / name).write_text(text, encoding="utf-8")
