"""Configuration: `model` says what there is, `load` brings it in from file and environment."""
