"""Setting up an installed speaker: its key, its cards, its service. For root, by `speakerd setup`."""
