"""Remote MCP servers as tools of a session: the service calls them, this machine does not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from speakerd.config.model import McpServer
from speakerd.skills.schema import Json


def session_tools(
    functions: Sequence[Json], servers: Sequence[McpServer], tokens: Mapping[str, str] | None = None
) -> list[Json]:
    """The `tools` of a session: our functions, then the MCP servers.

    `tokens` holds what each named credential contains. A server whose credential is not there is left out.
    """
    tokens = tokens or {}
    return [*functions, *(mcp_tool(server, tokens) for server in servers if not missing(server, tokens))]


def missing(server: McpServer, tokens: Mapping[str, str]) -> bool:
    """True if the server wants a credential that we do not have."""
    return bool(server.credential) and not tokens.get(server.credential)


def mcp_tool(server: McpServer, tokens: Mapping[str, str]) -> Json:
    """The entry of one server. It holds the token: never log it."""
    tool: Json = {
        "type": "mcp",
        "server_label": server.label,
        "server_url": server.url,
        "require_approval": server.approval,
    }
    if server.description:
        tool["server_description"] = server.description
    if server.credential:
        tool["authorization"] = tokens[server.credential]
    if server.allowed_tools:
        tool["allowed_tools"] = list(server.allowed_tools)
    return tool
