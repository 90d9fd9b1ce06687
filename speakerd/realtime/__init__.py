"""The wire: the OpenAI Realtime API (GA) over a websocket. `link`, `session` and `connection` act, the rest is pure."""
