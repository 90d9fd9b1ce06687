"""Brings the prices in: the table that is shipped, and the user's own over it. Reads files."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from speakerd.errors import ConfigError
from speakerd.purse.prices import Prices, read_prices

MAX_FILE_BYTES = 256 * 1024


def load_prices(path: str = "") -> Prices:
    """The shipped prices, with those in the YAML file `path` over them. Raises ConfigError with every mistake."""
    text = files("speakerd.purse").joinpath("prices.yaml").read_text(encoding="utf-8")
    shipped, mistakes = read_prices(text, "prices.yaml")
    if mistakes:
        raise AssertionError(mistakes)  # ours: a test reads it
    if not path:
        return shipped
    own, mistakes = read_prices(_read(Path(path)), path, shipped)
    if mistakes:
        raise ConfigError("\n".join(str(mistake) for mistake in mistakes))
    return own


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            raise ConfigError(f"purse.prices: {path} is no file", hint="write the whole path, from / on")
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"purse.prices: {path} is no UTF-8 text", hint="save the file as UTF-8") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such path"
        raise ConfigError(f"purse.prices: {path} cannot be read: {reason}") from error
