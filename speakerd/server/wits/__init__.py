"""The wits: what to answer to what was heard. Rules, not a mind, and they say so. Pure."""
