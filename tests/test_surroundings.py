"""What must be there before the parts."""

from __future__ import annotations

import pytest

from speakerd.config.model import Config, McpServer, Realtime, Skills
from speakerd.errors import ConfigError
from speakerd.surroundings import Servers, eventlog, only_error, servers, tokens

HOME = McpServer(label="home", url="https://home.example.org/mcp", credential="home-token")
OPEN = McpServer(label="open", url="https://open.example.org/mcp")


def house(*servers: McpServer, url: str = "wss://voice.example/v1") -> Config:
    return Config(skills=Skills(mcp=servers), realtime=Realtime(url=url))


def test_tokens_are_found_by_the_names_of_their_credentials(tmp_path):
    (tmp_path / "home-token").write_text("s3cret\n")
    assert tokens(house(HOME, OPEN), {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == {"home-token": "s3cret"}
    assert tokens(house(HOME), {"HOME_TOKEN": "other"}) == {"home-token": "other"}
    assert tokens(house(HOME, OPEN), {}) == {}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("wss://192.168.1.20/v1/realtime", True),
        ("ws://127.0.0.1:8765/v1/realtime", True),
        ("embedded", True),
        ("ws://192.168.1.20:8765/v1/realtime", False),
        ("ws://server.lan/v1/realtime", False),
    ],
)
def test_no_token_is_told_where_the_network_can_read_it(url, told):
    assert bool(tokens(house(HOME, url=url), {"HOME_TOKEN": "s3cret"})) is told


def test_a_token_that_cannot_be_one_is_a_mistake_without_the_token_in_it(tmp_path):
    (tmp_path / "home-token").write_text("two words")
    with pytest.raises(ConfigError) as caught:
        tokens(house(HOME), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert "two words" not in str(caught.value)


def test_the_events_file_is_open_meanwhile(tmp_path):
    with eventlog(None) as none:
        assert none is None
    with eventlog(tmp_path / "events") as log:
        log.write("Ready", 1.0)
    assert (tmp_path / "events").read_text().count("\n") == 1
    with pytest.raises(ValueError, match="closed"):
        log.write("late", 2.0)


def test_one_error_comes_out_as_what_it_is():
    error = ValueError("a bug")
    assert only_error(ExceptionGroup("outer", [ExceptionGroup("inner", [error])])) is error
    both = ExceptionGroup("outer", [error, KeyError()])
    assert only_error(both) is both


CLOUD = "wss://voice.example/v1"


@pytest.mark.parametrize(("realtime", "fall_back", "url", "stand_in"), [
    ({"url": CLOUD}, True, CLOUD, ""),
    ({"url": CLOUD, "fallback": "embedded"}, True, CLOUD, "ws://127.0.0.1:"),
    ({"url": CLOUD, "fallback": "embedded"}, False, CLOUD, ""),
    ({"url": "embedded", "fallback": "embedded"}, True, "ws://127.0.0.1:", ""),
])  # fmt: skip
async def test_the_embedded_server_runs_for_those_who_ask(realtime, fall_back, url, stand_in):
    async with servers(Config.model_validate({"realtime": realtime}), fall_back=fall_back) as found:
        assert isinstance(found, Servers)
        assert found.url.startswith(url)
        assert found.stand_in.startswith(stand_in)
        assert bool(found.stand_in) is bool(stand_in)
