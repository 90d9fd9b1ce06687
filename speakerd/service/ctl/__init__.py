"""The control socket: `words` says what may be asked, `door` lets callers in, `caller` asks."""
