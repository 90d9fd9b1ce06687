"""The wire: the OpenAI Realtime API (GA) over a websocket. What decides is pure; `link`, `session` and `connection` act."""
