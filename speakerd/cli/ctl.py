"""`speakerd ctl`: speaks with the daemon that runs. Exit statuses are in `--help`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from speakerd.service.ctl.caller import ForbiddenError, UnreachableError, ask
from speakerd.service.ctl.place import sockets_to_try
from speakerd.service.ctl.words import MAX_TEXT_CHARACTERS, Command, Reply, Request, UnclearError, spoken

EXIT_REFUSED = 1
EXIT_UNREACHABLE = 3
EXIT_FORBIDDEN = 4
_EXITS = {"bad_config": 78}

Action = TypeVar("Action", bound=Callable[..., None])


@click.group(
    "ctl",
    short_help="speak with the daemon that runs",
    epilog="Exit status: 0 done; 1 not done, for the reason given; 2 wrong usage; 3 no daemon answers; "
    "4 this user may not; 78 the configuration has mistakes (reload).",
)
def command() -> None:
    """Speak with the daemon that runs, over its control socket. For root and members of the group audio."""


def _asks(action: Action) -> Action:
    """The options that all commands have."""
    socket = click.option("--socket", type=click.Path(path_type=Path), help="The daemon's socket, if elsewhere.")
    as_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as a line of JSON.")
    return socket(as_json(action))


@command.command()
@_asks
def status(socket: Path | None, as_json: bool) -> None:
    """Tell how everything stands."""
    _ask(Request(Command.STATUS), socket, as_json=as_json)


@command.command(short_help="Begin a conversation, as if the wake word had been said.")
@click.argument("word", default="")
@_asks
def wake(word: str, socket: Path | None, as_json: bool) -> None:
    """Begin a conversation, as if the wake word WORD had been said; without WORD, the first one."""
    _ask(Request(Command.WAKE, word=word), socket, as_json=as_json)


@command.command()
@_asks
def stop(socket: Path | None, as_json: bool) -> None:
    """End the conversation, and whatever is being said."""
    _ask(Request(Command.STOP), socket, as_json=as_json)


@command.command()
@_asks
def mute(socket: Path | None, as_json: bool) -> None:
    """Shut the microphone off, until `unmute`, over restarts too."""
    _ask(Request(Command.MUTE), socket, as_json=as_json)


@command.command()
@_asks
def unmute(socket: Path | None, as_json: bool) -> None:
    """Take the microphone in again."""
    _ask(Request(Command.UNMUTE), socket, as_json=as_json)


def _level(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int | None, int | None]:
    """`40`, `+10` or `-10`, as (percent, change)."""
    if value is None:
        return None, None
    digits = value[1:] if value[:1] in ("+", "-") else value
    if not (digits.isascii() and digits.isdigit() and int(digits) <= 100):
        raise click.BadParameter(f"found {value!r}, expected 0 to 100, or a change such as +10 or -10")
    return (int(value), None) if digits == value else (None, int(value))


@command.command(
    short_help="Tell the volume, percent, or set or change it.", context_settings={"ignore_unknown_options": True}
)
@click.argument("level", metavar="[N|+N|-N]", required=False, callback=_level)
@_asks
def volume(level: tuple[int | None, int | None], socket: Path | None, as_json: bool) -> None:
    """Tell the loudspeaker's volume, percent, or set it, or change it by so much."""
    percent, change = level
    _ask(Request(Command.VOLUME, percent=percent, change=change), socket, as_json=as_json)


@command.command(
    short_help="Speak a text, while nobody talks.",
    context_settings={"ignore_unknown_options": True},  # "-5 degrees" is a text
)
@click.argument("text", nargs=-1, required=True)
@_asks
def say(text: tuple[str, ...], socket: Path | None, as_json: bool) -> None:
    """Speak TEXT, in the voice and language of the notices, while nobody talks."""
    try:
        words = spoken(" ".join(text))
    except UnclearError as error:
        raise click.UsageError(str(error)) from error
    if not words:
        raise click.UsageError(f"a text of 1 to {MAX_TEXT_CHARACTERS} characters, please")
    _ask(Request(Command.SAY, text=words), socket, as_json=as_json)


@command.command(short_help="Read the configuration anew.")
@_asks
def reload(socket: Path | None, as_json: bool) -> None:
    """Read the configuration anew: what can change at once does, what cannot is named."""
    _ask(Request(Command.RELOAD), socket, as_json=as_json)


def _ask(request: Request, socket: Path | None, *, as_json: bool) -> None:
    """Ask, tell, and leave with the status."""
    try:
        reply = ask(request, [socket] if socket else sockets_to_try(os.environ))
        status = 0 if reply.ok else _EXITS.get(reply.error, EXIT_REFUSED)
    except ForbiddenError as error:
        reply, status = Reply(f"speakerd: {error}", "forbidden"), EXIT_FORBIDDEN
    except UnreachableError as error:
        reply, status = Reply(f"speakerd: {error}", "unreachable"), EXIT_UNREACHABLE
    if as_json:
        click.echo(reply.encode(), nl=False)
    else:
        click.echo(reply.told, err=not reply.ok)
    sys.exit(status)
