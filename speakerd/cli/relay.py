"""`speakerd relay`: the proxy that holds the key, and the tokens of those who may use it."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import click

from speakerd.cli.addresses import cannot_listen
from speakerd.config.credentials import api_key
from speakerd.config.load import load
from speakerd.config.model import Config
from speakerd.errors import SpeakerdError
from speakerd.porter import folder, make_store, run
from speakerd.relay.store import Store, StoreAwayError
from speakerd.relay.tokens import NAME, Token, digest_of, new_secret
from speakerd.service.journal import setup_logging
from speakerd.service.sockets import inherited_sockets
from speakerd.surroundings import only_error
from speakerd.wallclock import local_now

T = TypeVar("T")
_CONFIG = click.option(
    "--config", "path", type=click.Path(path_type=Path), help="YAML file; without it, defaults and environment."
)


@click.group("relay", invoke_without_command=True)
@_CONFIG
@click.pass_context
def command(ctx: click.Context, path: Path | None) -> None:
    """Let speakers and browsers use the Realtime service without its key.

    \b
    Without a further command: serve, in the foreground.
    """
    ctx.obj = path
    if ctx.invoked_subcommand is None:
        serve(load(path))


def serve(config: Config) -> None:
    """Serve until told to stop."""
    setup_logging(config.log.level)
    try:
        asyncio.run(run(config, api_key(), os.environ, inherited_sockets()))
    except (BaseExceptionGroup, OSError) as trouble:
        error = only_error(trouble)
        if not isinstance(error, OSError):
            raise error from error.__cause__
        raise cannot_listen(config.relay.host, config.relay.port, error, "relay.port") from error


@command.group("token")
def token_group() -> None:
    """Tokens, one for each speaker or browser."""


def _finite(_ctx: click.Context, _parameter: click.Parameter, usd: float | None) -> float | None:
    """What can be written down: a file with another sum in it would let nobody in any more."""
    if usd is not None and not math.isfinite(usd):
        raise click.BadParameter(f"found {usd}, expected a sum such as 0.50")
    return usd


@token_group.command("add")
@_CONFIG
@click.argument("name")
@click.option("--model", "models", multiple=True, help="Model that it may use; may be given again. Without it: all.")
@click.option(
    "--voice", "voices", multiple=True, help="Voice that it may ask for; may be given again. Without it: all."
)
@click.option(
    "--per-day", "per_day_usd", type=click.FloatRange(0), callback=_finite, help="US dollars a day; 0 for no limit."
)
@click.option(
    "--per-month",
    "per_month_usd",
    type=click.FloatRange(0),
    callback=_finite,
    help="US dollars a month; 0 for no limit.",
)
@click.option("--sessions", "max_sessions", type=click.IntRange(1), help="Sessions at a time.")
@click.pass_context
def add(
    ctx: click.Context,
    path: Path | None,
    name: str,
    models: tuple[str, ...],
    voices: tuple[str, ...],
    per_day_usd: float | None,
    per_month_usd: float | None,
    max_sessions: int | None,
) -> None:
    """Make a token and print it: once, for only a hash of it is kept."""
    if not NAME.fullmatch(name):
        raise click.BadParameter(f"found {name!r}, expected 1 to 64 of a-z, A-Z, 0-9, _ and -", param_hint="NAME")
    if "" in (*models, *voices):
        raise click.BadParameter(
            "found nothing, expected a name; leave the option out for all", param_hint="--model, --voice"
        )
    secret = new_secret()
    token = Token(
        name=name,
        digest=digest_of(secret),
        created=local_now().isoformat(timespec="seconds"),
        models=models,
        voices=voices,
        per_day_usd=_dollars(per_day_usd),
        per_month_usd=_dollars(per_month_usd),
        max_sessions=max_sessions,
    )
    path = path or _up(ctx)
    if not _ask(path, lambda store: store.add(token)):
        raise SpeakerdError(f"there is a token {name} already", hint=f"speakerd relay token revoke {name}")
    click.echo(secret)
    state = load(path).relay.state
    where = f"{folder(os.environ)}/tokens.json" if state == "local" else urlsplit(state).netloc
    click.echo(f"Only its hash is kept, in {where}: this is the one time that it is shown.", err=True)


@token_group.command("list")
@_CONFIG
@click.pass_context
def list_tokens(ctx: click.Context, path: Path | None) -> None:
    """Show all tokens, without what is secret of them."""
    tokens = _ask(path or _up(ctx), lambda store: store.tokens())
    if not tokens:
        click.echo("There is no token yet: speakerd relay token add NAME")
    for token in tokens:
        click.echo(_line(token))


@token_group.command("revoke")
@_CONFIG
@click.argument("name")
@click.pass_context
def revoke(ctx: click.Context, path: Path | None, name: str) -> None:
    """Let a token in no more; its sessions end within seconds."""
    if not _ask(path or _up(ctx), lambda store: store.revoke(name)):
        raise SpeakerdError(f"there is no token {name} in use", hint="speakerd relay token list")
    click.echo(f"{name} is revoked.")


def _up(ctx: click.Context) -> Path | None:
    """`--config` of `speakerd relay`."""
    found = ctx.find_object(Path)
    return found if isinstance(found, Path) else None


def _ask(path: Path | None, question: Callable[[Store], Awaitable[T]]) -> T:
    store = make_store(load(path).relay, os.environ)

    async def ask() -> T:
        try:
            return await question(store)
        finally:
            await store.close()

    try:
        return asyncio.run(ask())
    except StoreAwayError as error:
        raise SpeakerdError(str(error), hint="is this the user of the relay, and relay.state right?") from error


def _dollars(usd: float | None) -> Decimal | None:
    return None if usd is None else Decimal(str(usd))


def _line(token: Token) -> str:
    rights = [
        *([f"models {', '.join(token.models)}"] if token.models else []),
        *([f"voices {', '.join(token.voices)}"] if token.voices else []),
        *([f"{token.per_day_usd} US dollars a day"] if token.per_day_usd is not None else []),
        *([f"{token.per_month_usd} US dollars a month"] if token.per_month_usd is not None else []),
        *([f"{token.max_sessions} sessions"] if token.max_sessions is not None else []),
        *(["REVOKED"] if token.revoked else []),
    ]
    return f"{token.name:20} {token.created}  {token.digest[:8]}  {'; '.join(rights)}".rstrip()
