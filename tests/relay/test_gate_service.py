"""What else the gate answers: the service's refusals, addresses, metrics, TLS, nonsense. On real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from support.relay_rig import CREATED, KEY, Rig, Start, Upstream, hello, until
from support.relay_script import refusal
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

OURS = Subprotocol("realtime")


@pytest.mark.parametrize("path", ["/v1/realtime", "/api/realtime", "/v1/realtime/"])
async def test_both_paths_lead_to_the_service(start: Start, upstream: Upstream, path: str) -> None:
    async with start() as rig:
        secret = await rig.token()
        headers = {"Authorization": f"Bearer {secret}"}
        async with connect(rig.url.replace("/v1/realtime", path), additional_headers=headers) as client:
            await hello(client)
        assert upstream.requests[0].path == "/v1/realtime?model=gpt-realtime-2.1-mini"


async def test_the_services_refusals_are_passed_on_without_its_secrets(start: Start, upstream: Upstream) -> None:
    def answer(socket: ServerConnection, _request: Request) -> Response:
        response = socket.respond(429, "")
        response.headers["Retry-After"] = "7"
        message = "Rate limit of org-AbC123 and key sk-proj-xyz reached."
        error = {"type": "requests", "code": "rate_limit_exceeded", "message": message}
        response.body = json.dumps({"error": error}).encode()
        del response.headers["Content-Length"]
        response.headers["Content-Length"] = str(len(response.body))
        return response

    upstream.answer = answer
    async with start() as rig:
        status, error, headers = await refusal(rig.connect(await rig.token()))
        assert (status, error["code"], headers["Retry-After"]) == (429, "rate_limit_exceeded", "7")
        assert error["message"] == "Rate limit of … and key … reached."
        assert rig.house.sessions == 0


async def test_a_key_that_the_service_refuses_is_not_the_speakers_fault(start: Start, upstream: Upstream) -> None:
    upstream.answer = lambda socket, _request: socket.respond(401, f"Incorrect API key provided: {KEY}")
    async with start() as rig:
        status, error, headers = await refusal(rig.connect(await rig.token()))
        assert (status, error["code"]) == (502, "upstream_key_refused")
        assert KEY not in json.dumps(error) + json.dumps(headers)


async def test_a_service_that_is_not_there(start: Start) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with start(url=f"ws://127.0.0.1:{closed.getsockname()[1]}") as rig:
            status, error, _ = await refusal(rig.connect(await rig.token()))
            assert (status, error["code"]) == (502, "upstream_unreachable")
            assert rig.house.sessions == 0


async def test_a_service_that_does_not_answer(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        async with start(url=f"ws://127.0.0.1:{mute.getsockname()[1]}", connect_s=0.3) as rig:
            status, error, _ = await refusal(rig.connect(await rig.token()))
            assert (status, error["code"]) == (504, "upstream_timeout")


async def test_a_service_that_sends_away_is_not_followed(start: Start, upstream: Upstream) -> None:
    def send_away(socket: ServerConnection, request: Request) -> Response | None:
        if "elsewhere" in request.path:
            return None
        response = socket.respond(307, "")
        response.headers["Location"] = "/elsewhere"
        return response

    upstream.answer = send_away
    async with start() as rig:
        status, _, _ = await refusal(rig.connect(await rig.token()))
        assert status == 502
        assert len(upstream.requests) == 1
        assert rig.house.sessions == 0


@pytest.mark.parametrize("proxy", ["what:is:this", "http://127.0.0.1:abc", "socks5://127.0.0.1:1"])
async def test_a_proxy_that_is_none_is_no_way_to_the_service(
    start: Start, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("https_proxy", "http_proxy"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.setenv("no_proxy", "")
    async with start(url="ws://example.invalid/v1/realtime", proxy=True) as rig:
        status, error, _ = await refusal(rig.connect(await rig.token(), proxy=None))
        assert (status, error["code"]) == (502, "upstream_unreachable")
        assert rig.house.sessions == 0


async def test_who_leaves_while_the_service_is_connected_leaves_nothing_behind(
    start: Start, upstream: Upstream
) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_socket: ServerConnection, _request: Request) -> None:
        arrived.set()
        await go_on.wait()

    upstream.answer = slow  # type: ignore[assignment]
    closed = asyncio.Event()

    async def serve(socket: ServerConnection) -> None:
        await socket.wait_closed()
        closed.set()

    upstream.serve = serve
    async with start() as rig:
        secret = await rig.token()
        _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        lines = ["GET /v1/realtime HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
        writer.write("\r\n".join([*lines, f"Authorization: Bearer {secret}", "", ""]).encode())
        await arrived.wait()
        assert rig.house.sessions == 1
        writer.transport.abort()
        await asyncio.sleep(0.05)
        go_on.set()
        await asyncio.wait_for(closed.wait(), 30)
        await until(lambda: rig.house.sessions == 0)
        assert rig.ended == []


async def test_a_handshake_that_is_none_leaves_nothing_behind(start: Start, upstream: Upstream) -> None:
    async with start() as rig:
        secret = await rig.token()
        lines = ["GET /v1/realtime HTTP/1.1", "Host: x", f"Authorization: Bearer {secret}"]
        assert (await rig.talk(*lines)).startswith("HTTP/1.1 426 ")
        assert not upstream.requests
        assert (await rig.talk(*lines, "Upgrade: websocket", "Connection: Upgrade")).startswith("HTTP/1.1 400 ")
        await until(lambda: rig.house.sessions == 0)


@pytest.mark.parametrize("request_line", ["GET /v1/other HTTP/1.1", "GET / HTTP/1.1", "GET /v1/realtimes HTTP/1.1"])
async def test_other_paths_are_not_found(start: Start, request_line: str) -> None:
    async with start() as rig:
        answer = await rig.talk(request_line, "Host: x")
        assert answer.startswith("HTTP/1.1 404 Not Found\r\n")
        assert json.loads(answer.partition("\r\n\r\n")[2])["error"]["code"] == "not_found"


async def test_health_and_metrics(start: Start) -> None:
    async with start() as rig:
        secret = await rig.token()
        await refusal(rig.connect("wrong"))
        async with rig.connect(secret) as client:
            await hello(client)
            status, body = await rig.get("/healthz")
            assert (status, json.loads(body)) == (200, {"status": "ok", "sessions": 1})
            status, body = await rig.get("/metrics")
            assert status == 200
            lines = body.splitlines()
            assert "speakerd_relay_sessions 1" in lines
            assert "speakerd_relay_sessions_started_total 1" in lines
            assert 'speakerd_relay_requests_refused_total{code="invalid_api_key"} 1' in lines
            assert f'speakerd_relay_bytes_total{{direction="down"}} {len(CREATED)}' in lines
        assert secret not in body


async def test_metrics_can_be_off(start: Start) -> None:
    async with start(metrics="off") as rig:
        assert (await rig.get("/metrics"))[0] == 404


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of this machine's own, and its key."""
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    files = ["-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(["openssl", "req", *kind, *subject, *files], check=True, capture_output=True)
    return paths


async def test_tls(start: Start, certificate: tuple[Path, Path]) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    async with start(tls=context) as rig:
        assert rig.url.startswith("wss://")
        trust = ssl.create_default_context(cafile=certificate[0])
        async with rig.connect(await rig.token(), ssl=trust) as client:
            await hello(client)
        plain = Rig(rig.url.replace("wss", "ws"), rig.house, rig.store, rig.till, [])
        assert "HTTP" not in await plain.talk("GET /healthz HTTP/1.1", "Host: x")


async def test_stopping_tells_the_clients(start: Start) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with start() as rig:
            client = await stack.enter_async_context(rig.connect(await rig.token()))
            await hello(client)
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 1001
        assert len(rig.ended) == 1


async def test_who_asks_twice_for_an_upgrade_gets_none(start: Start) -> None:
    async with start() as rig:
        head = await rig.talk("GET /v1/realtime HTTP/1.1", "Host: x", "Upgrade: websocket", "Upgrade: websocket")
        assert head.startswith("HTTP/1.1 426 ")


async def test_nonsense_at_the_door_is_no_harm(start: Start) -> None:
    async with start() as rig:
        for nonsense in (
            b"\x16\x03\x01\x02\x00",
            b"\r\n" * 50,
            b"\x00" * 5000,
            b"PUT / HTTP/9\r\n\r\n",
            b"G" * 100_000,
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
            writer.write(nonsense)
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 5)
            writer.close()
        async with rig.connect(await rig.token()) as client:
            await hello(client)
