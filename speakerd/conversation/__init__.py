"""The brain: events in, actions out. Read `events`, `actions`, `machine`, `table`, then `conductor`."""
