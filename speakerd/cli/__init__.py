"""The command line: one module a verb, loaded only when it is used, so that `check` needs no wake models."""

from __future__ import annotations

import errno
import io
import os
import sys
from importlib import import_module

import click

from speakerd import __version__
from speakerd.errors import EXIT_CONFIG, EXIT_FAILED, ConfigError, SpeakerdError

VERBS = {
    "setup": "an installed speaker's key, cards and service; after script/install",
    "run": "the daemon, in the foreground",
    "demo": "a whole conversation on a virtual sound card, without key or hardware",
    "check": "every mistake in a configuration file",
    "ctl": "speak with the daemon that runs: status, mute, volume …",
    "devices": "sound cards and what they can do",
    "doctor": "why does it not answer? Examines everything, and says what mends it",
    "listen": "wake words and speech in recordings",
    "serve": "the embedded Realtime server",
    "relay": "speakers and browsers through one key: the proxy, and its tokens",
    "usage": "what it cost, and what was sent",
    "stats": "how fast it answered, and what went wrong, day by day",
}


class _Verbs(click.Group):
    """Subcommands by module name."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command = import_module(f"speakerd.cli.{name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without loading every module."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a wrong verb is answered with the right ones."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}; there are: {', '.join(VERBS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Verbs)
@click.version_option(__version__, prog_name="speakerd")
def group() -> None:
    """A smart speaker: say the wake word, talk, interrupt."""


def main() -> None:
    """Entry point: errors of ours become one message and an exit status, bugs a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # no command may die of a letter that the terminal lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        group(prog_name="speakerd")
    except ConfigError as error:
        _tell("BadConfiguration", str(error))
        sys.exit(EXIT_CONFIG)
    except SpeakerdError as error:
        _tell("CannotServe", f"speakerd: {error}")
        sys.exit(EXIT_FAILED)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python tries again at its end, and would complain
        _tell("CannotServe", "speakerd: no space is left where this was to be written (what fills the disk? df -h)")
        sys.exit(EXIT_FAILED)


def _tell(event: str, message: str) -> None:
    """On stderr; where that is the journal, as one entry of it."""
    from speakerd.service.journal import tell_end  # only when it is needed: not every command loads libsystemd

    if not tell_end(event, message):
        click.echo(message, err=True)
