"""The relay as a whole, in front of the embedded server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from support.relay_rig import until

from speakerd import porter
from speakerd.config.credentials import ApiKey
from speakerd.config.model import Config
from speakerd.errors import ConfigError, SpeakerdError
from speakerd.purse.ledger import read
from speakerd.relay.house import House
from speakerd.relay.local import LocalStore
from speakerd.relay.tokens import Token, digest_of, new_secret

KEY = ApiKey("sk-secret", "test")


def config(**relay: object) -> Config:
    return Config.model_validate({"realtime": {"url": "embedded"}, "relay": {"port": 0, **relay}})


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[tuple[House, str, str]]:
    """The house, its URL, and a token."""
    environ = {"STATE_DIRECTORY": str(tmp_path)}
    secret = new_secret()
    async with porter.serving(config(), None, environ) as (one, addresses):
        token = Token(name="kitchen", digest=digest_of(secret), created="now")
        assert await porter.make_store(config().relay, environ).add(token)
        yield one, addresses[0], secret


async def test_the_openai_client_converses_through_it(house: tuple[House, str, str], tmp_path: Path) -> None:
    """In text; the ledger then has the bill, under the token's name."""
    one, url, secret = house
    client = AsyncOpenAI(api_key=secret, websocket_base_url=url.removesuffix("/realtime"))
    async with client.realtime.connect(model="gpt-realtime-2.1") as server:
        assert (await server.recv()).type == "session.created"
        await server.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        assert (await server.recv()).type == "session.updated"
        content = [{"type": "input_text", "text": "What is 6 times 7?"}]
        await server.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await server.response.create()
        async for event in server:
            assert event.type != "error", event
            if event.type == "response.done":
                assert "42" in (event.response.output[0].content[0].text or "")
                break
    await until(lambda: one.sessions == 0)
    entries = read(tmp_path / "relay" / "usage").entries
    assert [(entry.persona, entry.model, entry.usd) for entry in entries] == [("kitchen", "embedded", 0)]
    assert entries[0].tokens.text_out > 0


def test_where_tokens_and_bills_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = tmp_path / "service"
    monkeypatch.setattr(porter, "SERVICE_FOLDER", service)
    home, own = {"HOME": str(tmp_path)}, tmp_path / ".local" / "state" / "speakerd" / "relay"
    assert porter.folder({"STATE_DIRECTORY": f"{tmp_path}:/other"}) == tmp_path / "relay"
    assert porter.folder(home) == own
    service.mkdir()
    assert porter.folder(home) == service / "relay"
    assert porter.folder({"STATE_DIRECTORY": str(tmp_path)}) == tmp_path / "relay"
    own.mkdir(parents=True)
    assert porter.folder(home) == own


def test_the_store_that_the_configuration_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"STATE_DIRECTORY": str(tmp_path), "RELAY_REDIS_PASSWORD": "hush"}
    assert isinstance(porter.make_store(config().relay, environ), LocalStore)
    monkeypatch.setitem(__import__("sys").modules, "speakerd.relay.redis_store", None)
    with pytest.raises(ConfigError, match="script/install brings it; else pip install redis"):
        porter.make_store(config(state="redis://localhost").relay, environ)


def test_the_key_goes_to_the_service_alone_and_never_in_the_clear() -> None:
    realtime = Config.model_validate({"realtime": {"url": "wss://api.openai.com/v1/realtime"}}).realtime
    service = porter.make_service(realtime, realtime.url, KEY)
    assert service.headers == (("Authorization", "Bearer sk-secret"),)
    assert service.url_of("m") == "wss://api.openai.com/v1/realtime?model=m"
    assert "sk-secret" not in repr(service)
    with pytest.raises(ConfigError, match="unencrypted"):
        porter.make_service(realtime, "ws://somewhere/v1/realtime", KEY)
    embedded = config().realtime
    assert porter.make_service(embedded, "ws://127.0.0.1:1/v1/realtime", KEY).headers == ()


def test_a_url_that_names_a_model_would_bill_another_one() -> None:
    url = "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"
    with pytest.raises(ConfigError, match=r"realtime\.url: it names the model gpt-realtime-2\.1 \(leave it out"):
        porter.make_service(config().realtime, url, KEY)


def test_a_ledger_that_cannot_be_read_says_what_to_ask(tmp_path: Path) -> None:
    (tmp_path / "2026-10.ledger").mkdir()
    with pytest.raises(SpeakerdError, match=r"cannot be read: Is a directory \(is this the user of the relay"):
        porter.spent_before(tmp_path)


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nonsense")
    relay = config(certificate=str(tmp_path / "cert.pem"), private_key=str(tmp_path / "none.pem")).relay
    with pytest.raises(ConfigError, match=r"relay\.certificate: .*two PEM files that belong together"):
        porter.make_tls(relay)
    assert porter.make_tls(config().relay) is None


async def test_it_listens_on_a_socket_that_it_is_handed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mine:
        port = mine.getsockname()[1]
        environ = {"STATE_DIRECTORY": str(tmp_path)}
        async with porter.serving(config(host="nowhere.invalid"), None, environ, [mine]) as (_, addresses):
            assert addresses == [f"ws://127.0.0.1:{port}/v1/realtime"]
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()


async def test_an_ipv4_client_on_a_socket_for_both_is_known_by_its_own_address(tmp_path: Path) -> None:
    """As systemd's sockets are: else nobody could read the metrics."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("needs IPv6")
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as both:
        async with porter.serving(config(), None, {"STATE_DIRECTORY": str(tmp_path)}, [both]):
            for host in ("127.0.0.1", "::1"):
                reader, writer = await asyncio.open_connection(host, both.getsockname()[1])
                writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
                writer.close()
                await writer.wait_closed()
