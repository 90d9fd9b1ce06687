"""What comes of a configuration file with a given text."""

from __future__ import annotations

from pathlib import Path

from speakerd.config.load import load
from speakerd.config.model import Config
from speakerd.errors import ConfigError


def mistakes(tmp_path: Path, text: str | bytes, **environ: str) -> list[str]:
    """Lines of the ConfigError, with the file called FILE; none if it loads."""
    path = tmp_path / "c.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    try:
        load(path, environ)
    except ConfigError as error:
        return [line.replace(str(path), "FILE") for line in str(error).splitlines()]
    return []


def loaded(tmp_path: Path, text: str | bytes, **environ: str) -> Config:
    path = tmp_path / "c.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(path, environ)
