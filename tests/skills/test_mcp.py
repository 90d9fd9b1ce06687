"""MCP servers in the session's tools, by the published schema."""

from __future__ import annotations

import pytest
from openai.types.realtime import RealtimeSessionCreateRequest
from pydantic import ValidationError

from speakerd.config.load import load
from speakerd.config.model import McpServer, Skills
from speakerd.errors import ConfigError
from speakerd.skills.mcp import missing, session_tools

HOME = McpServer(
    label="home",
    url="https://home.example.org/api/mcp",
    description="Lights and heating.",
    credential="home-assistant-token",
    allowed_tools=("HassTurnOn", "HassTurnOff"),
)
PLAIN = McpServer(label="weather", url="https://mcp.example.org/")
FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}


def test_the_tools_of_a_session():
    tools = session_tools([FUNCTION], [HOME, PLAIN], {"home-assistant-token": "secret"})
    assert tools == [
        FUNCTION,
        {
            "type": "mcp",
            "server_label": "home",
            "server_url": "https://home.example.org/api/mcp",
            "require_approval": "never",
            "server_description": "Lights and heating.",
            "authorization": "secret",
            "allowed_tools": ["HassTurnOn", "HassTurnOff"],
        },
        {
            "type": "mcp",
            "server_label": "weather",
            "server_url": "https://mcp.example.org/",
            "require_approval": "never",
        },
    ]
    RealtimeSessionCreateRequest.model_validate({"type": "realtime", "tools": tools})


def test_a_server_whose_credential_is_missing_is_left_out():
    assert session_tools([], [HOME, PLAIN], {}) == session_tools([], [PLAIN])
    assert missing(HOME, {"home-assistant-token": ""})
    assert not missing(PLAIN, {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://home.local/api/mcp"},
        {"url": "https://user:secret@home.example.org/"},
        {"url": "https:///api"},
        {"url": "https://[::1"},
        {"url": "https://a b/"},
        {"label": "my home"},
        {"label": ""},
        {"credential": "Bearer eyJhbGciOi.x"},
        {"approval": "sometimes"},
        {"token": "secret"},
    ],
)
def test_what_is_wrong_in_the_configuration(wrong):
    with pytest.raises(ValidationError):
        McpServer(**{"label": "home", "url": "https://home.example.org/api/mcp", **wrong})


YAML = """\
skills:
  off: [set_volume]
  mcp:
    - label: home
      url: https://home.example.org/api/mcp
      credential: home-assistant-token
      allowed_tools: [HassTurnOn, HassTurnOff]
"""


def test_from_yaml(tmp_path):
    path = tmp_path / "speakerd.yaml"
    path.write_text(YAML)
    skills = load(path, {}).skills
    assert skills == Skills(
        off=("set_volume",),
        mcp=(
            McpServer(
                label="home",
                url="https://home.example.org/api/mcp",
                credential="home-assistant-token",
                allowed_tools=("HassTurnOn", "HassTurnOff"),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[HassTurnOn, HassTurnOff]", "[HassTurnOn, 5]", "speakerd.yaml:7: skills.mcp[0].allowed_tools[1]: found 5"),
        ("[HassTurnOn, HassTurnOff]", "HassTurnOn", "skills.mcp[0].allowed_tools: found the text"),
        ("https:", "http:", "speakerd.yaml:5: skills.mcp[0].url: found the text"),
        ("off: [set_volume]", "off: set_volume", "speakerd.yaml:2: skills.off: found the text"),
        ("credential: home", "token: home", "the API key never stands in the configuration"),
    ],
)
def test_mistakes_in_yaml_are_named_with_their_line(tmp_path, old, new, words):
    path = tmp_path / "speakerd.yaml"
    assert old in YAML
    path.write_text(YAML.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert words in str(caught.value)
