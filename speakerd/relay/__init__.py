"""The relay: speakers and browsers connect to it with tokens of theirs, it alone holds the key of the service."""
