"""The wire: the OpenAI Realtime API (GA) over a websocket. `messages` and `protocol` are pure."""
