"""`speakerd serve`: the embedded Realtime server on its own."""

from __future__ import annotations

import asyncio
import signal
import sys

import click

from speakerd.cli.addresses import cannot_listen
from speakerd.cli.options import checked
from speakerd.config.model import Server
from speakerd.errors import EXIT_CONFIG, EXIT_FAILED, ConfigError
from speakerd.server.embedded import serve_embedded


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option(
    "--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="TCP port; 0 takes a free one."
)
@click.option("--voice", default="slt", show_default=True, type=click.Choice(["slt", "rms", "awb", "kal16"]))
@click.option("--piper-model", default="", help="Path to a voice of piper, to speak instead of flite.")
@click.option("--chat-url", default="", help="OpenAI-compatible chat service to answer, http://HOST:PORT/v1.")
@click.option("--chat-model", default="", help="Name of the chat service's model.")
def command(host: str, port: int, **parts: str) -> None:
    """Serve the OpenAI Realtime protocol on this machine, without a key and without a network."""
    config = checked("server", parts).server
    try:
        asyncio.run(_serve(config, host, port))
    except ConfigError as error:
        click.echo(f"speakerd: {error}", err=True)
        sys.exit(EXIT_CONFIG)
    except OSError as error:
        click.echo(f"speakerd: {cannot_listen(host, port, error, '--port')}", err=True)
        sys.exit(EXIT_FAILED)


async def _serve(config: Server, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serve_embedded(config, host, port) as url:
        click.echo(f"listening on {url}")
        sys.stdout.flush()
        await stop.wait()
