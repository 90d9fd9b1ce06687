"""The bench of the barge-in detector: voices, rooms, training, the closed loop. docs/bargein.md has the commands."""
