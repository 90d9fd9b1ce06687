"""What the assistant can do beside talking."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from speakerd.config.model.section import PLAIN_NAME, Name, Section


class McpServer(Section):
    """One MCP server: a collection of tools on the network, which the Realtime service calls, not this machine."""

    label: Name
    """Name of it for the assistant: letters A-Z, digits, `_` and `-`."""
    url: Name
    """`https://…`, reachable from the internet."""
    description: str = Field("", max_length=500)
    """What it is good for, told to the assistant."""
    credential: str = Field("", max_length=100)
    """Name of the systemd credential (or environment variable) that holds its token; empty for none."""
    allowed_tools: tuple[Name, ...] = Field((), max_length=100)
    """Tools that the assistant may use; empty for all of them."""
    approval: Literal["never", "always"] = "never"
    """Whether the service asks before it uses a tool; nobody can answer by voice, so with `always` it uses none."""

    @field_validator("label")
    @classmethod
    def _is_a_label(cls, label: str) -> str:
        if not PLAIN_NAME.fullmatch(label):
            raise ValueError("up to 64 letters A-Z, digits, _ and -")
        return label

    @field_validator("url")
    @classmethod
    def _is_https(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            usable = parts.scheme == "https" and parts.hostname and not parts.username and not parts.password
        except ValueError:
            usable = False
        if not usable or not url.isprintable() or " " in url:
            raise ValueError("https://HOST/…, without a name or password in it")
        return url

    @field_validator("credential")
    @classmethod
    def _is_the_name_of_one(cls, credential: str) -> str:
        if credential and not PLAIN_NAME.fullmatch(credential):
            raise ValueError("the name of a credential, such as home-assistant-token, never the token itself")
        return credential


class Skills(Section):
    """What the assistant can do: functions on this machine, and MCP servers."""

    folder: str = Field("", max_length=200)
    """Folder of .py files with skills of one's own; empty for none."""
    off: tuple[Name, ...] = Field((), max_length=100)
    """Names of skills that the assistant shall not have, such as `set_volume`."""
    timeout_s: float = Field(10.0, gt=0.0, le=300.0)
    """Time that a skill may take, seconds, if it does not say otherwise itself."""
    output_characters: int = Field(2_000, ge=100, le=100_000)
    """Longest answer of a skill that the assistant is given; each character is paid for until the conversation ends."""
    mcp: tuple[McpServer, ...] = Field((), max_length=20)
    """MCP servers."""
