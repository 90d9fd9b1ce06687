"""OpenAI's front door on loopback: `GET /v1/models/MODEL`, and sessions, for those who show the key."""

from __future__ import annotations

import contextlib
import http
import json
import ssl
import threading
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from speakerd.wallclock import local_now


class ModelService:
    """Runs in a thread of its own while it is entered."""

    def __init__(
        self,
        key: str = "sk-right",
        model: str = "gpt-realtime-2.1-mini",
        ahead_s: float = 0.0,
        tls: ssl.SSLContext | None = None,
        knows_models: bool = True,
    ) -> None:
        """`ahead_s`: how far its clock is ahead. `tls`: speak TLS."""
        self.key, self.model, self.ahead_s, self.knows_models = key, model, ahead_s, knows_models
        self.asked: list[tuple[str, str]] = []
        """(path, Authorization) of each request."""
        self._tls = tls
        self._server: Server

    def __enter__(self) -> ModelService:
        self._server = serve(self._talk, "127.0.0.1", 0, ssl=self._tls, process_request=self._answer)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)  # noqa: TID251
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(5)

    def url(self, host: str = "localhost") -> str:
        """For `realtime.url`."""
        return f"{'wss' if self._tls else 'ws'}://{host}:{self._server.socket.getsockname()[1]}/v1/realtime"

    def _answer(self, _connection: ServerConnection, request: Request) -> Response | None:
        shown = request.headers.get("Authorization", "")
        self.asked.append((request.path, shown))
        if not request.path.startswith(("/v1/models/", "/v1/realtime")) or (
            request.path.startswith("/v1/models/") and not self.knows_models
        ):
            return self._response(404, {})
        if shown != f"Bearer {self.key}":
            return self._response(401, {"error": {"code": "invalid_api_key", "type": "invalid_request_error"}})
        if self.model not in request.path:
            return self._response(404, {"error": {"code": "model_not_found", "type": "invalid_request_error"}})
        return self._response(200, {"id": self.model}) if request.path.startswith("/v1/models/") else None

    def _response(self, status: int, body: dict[str, Any]) -> Response:
        data = json.dumps(body).encode()
        date = format_datetime(local_now() + timedelta(seconds=self.ahead_s))
        headers = Headers([("Content-Type", "application/json"), ("Content-Length", str(len(data))), ("Date", date)])
        return Response(status, http.HTTPStatus(status).phrase, headers, data)

    @staticmethod
    def _talk(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            for text in connection:
                message = json.loads(text)
                if message["type"] == "session.update":
                    connection.send(json.dumps({"type": "session.updated", "session": message["session"]}))
