"""The demonstration: a virtual sound card, a spoken user, and the timeline of what happened."""
