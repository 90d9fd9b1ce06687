"""Private CAs and proxies by the usual environment variables."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from support.dead_network import accept
from websockets.asyncio.server import Server, serve

from speakerd.config.model import Realtime
from speakerd.conversation import events as ev
from speakerd.realtime.link import Link
from speakerd.realtime.settings import session_settings

REALTIME = Realtime(connect_timeout_s=5.0)


@contextlib.asynccontextmanager
async def link_to(url: str, realtime: Realtime = REALTIME):
    """A link that opens session 1 there, and what it delivers."""
    outputs: asyncio.Queue = asyncio.Queue()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        link = Link(realtime, url, session_settings(realtime), lambda: "sk-test", tasks, outputs.put_nowait)
        link.open(1)
        yield outputs
        link.stop()


def port_of(server: Server) -> int:
    return next(iter(server.sockets)).getsockname()[1]


NEEDS_OPENSSL = pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")


async def certify(host: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for `host`, and the certificate that nobody knows yet."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={host} -addext subjectAltName=DNS:{host}"
    paths = ["-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, [*command.split(), *paths], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


@NEEDS_OPENSSL
async def test_a_private_ca_is_believed_if_the_environment_names_it(tmp_path, monkeypatch):
    context, certificate = await certify("localhost", tmp_path)
    async with serve(accept, "127.0.0.1", 0, ssl=context, close_timeout=0.2) as server:
        url = f"wss://localhost:{port_of(server)}/"
        async with link_to(url) as outputs:
            assert (await outputs.get()).error == "tls_failed"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with link_to(url) as outputs:
            assert await outputs.get() == ev.SessionReady(1)


@NEEDS_OPENSSL
async def test_by_a_proxy_a_session_comes_to_be_and_this_machine_needs_none(tmp_path, monkeypatch):
    context, certificate = await certify("speaker.invalid", tmp_path)
    asked = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        there, to = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pipe(reader, to), pipe(there, writer))

    async with (
        serve(accept, "127.0.0.1", 0, ssl=context, close_timeout=0.2) as server,
        serve(accept, "127.0.0.1", 0, close_timeout=0.2) as plain,
        await asyncio.start_server(proxy, "127.0.0.1", 0) as way,
    ):
        port = port_of(server)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        for name in ("https_proxy", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{way.sockets[0].getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        async with link_to("wss://speaker.invalid/v1/realtime") as outputs:
            assert await outputs.get() == ev.SessionReady(1)
        async with link_to(f"ws://127.0.0.1:{port_of(plain)}/") as outputs:
            assert await outputs.get() == ev.SessionReady(1)
        assert asked == [b"CONNECT speaker.invalid:443 HTTP/1.1"]


async def test_a_proxy_is_asked_and_its_refusal_is_explained(monkeypatch):
    asked = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        async with link_to("wss://example.invalid/v1/realtime") as outputs:
            assert (await outputs.get()).error == "proxy_failed"
    assert asked == [b"CONNECT example.invalid:443 HTTP/1.1\r\n"]


@pytest.mark.parametrize(
    ("proxy", "error"),
    [("what:is:this", "proxy_failed"), ("http://me@127.0.0.1:1", "proxy_failed"), ("http://127.0.0.1:abc", "bad_url")],
)
async def test_a_proxy_that_is_none_is_explained(proxy, error, monkeypatch):
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    async with link_to("wss://example.invalid/v1/realtime") as outputs:
        ended = await outputs.get()
        assert ended.error == error
        assert "https_proxy" in ended.message
        assert "me@" not in ended.message


@pytest.mark.parametrize("auth", ["bearer", "api-key"])
async def test_nobody_leads_the_key_to_another_server(auth):
    strangers = []

    def send_away(connection, _request):
        response = connection.respond(302, "")
        response.headers["Location"] = f"ws://localhost:{port_of(stranger)}/"
        return response

    def note(_connection, request):
        strangers.append(request.headers)

    realtime = REALTIME.model_copy(update={"auth": auth})
    async with (
        serve(accept, "127.0.0.1", 0, process_request=note, close_timeout=0.2) as stranger,
        serve(accept, "127.0.0.1", 0, process_request=send_away, close_timeout=0.2) as server,
        link_to(f"ws://127.0.0.1:{port_of(server)}/", realtime) as outputs,
    ):
        assert (await outputs.get()).error == "bad_handshake"
    assert strangers == []
