"""`python -m speakerd`."""

from speakerd.cli import main

main()
