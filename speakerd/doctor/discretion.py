"""Keeps out of the report what belongs to the user alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from speakerd.config.mistakes import masked
from speakerd.doctor.finding import Figure, Finding

_HOMES = re.compile(r"/(?:home|Users)/[^/\s:'\"`]+|/root(?=/|\b)")
_MAC = re.compile(r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b")
_IPV4 = re.compile(r"(?<![\d.])(?!127\.|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])(?!::1(?![\w:]))(?=[0-9A-Fa-f:]*::|(?:[0-9A-Fa-f]+:){7})[0-9A-Fa-f:]*(?:[0-9A-Fa-f]|::)(?:%\w+)?(?![\w:])"
)
_WORTH_HIDING = 2
"""Names of fewer letters would blot out words."""


class Discretion:
    """Knows the secrets of one user."""

    def __init__(self, secrets: Iterable[str], names: Mapping[str, str]) -> None:
        """`secrets` become `***`; `names`, such as of the machine or of a server, what stands beside them."""
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)
        self._names = {name: instead for name, instead in names.items() if len(name) >= _WORTH_HIDING}

    def clean(self, finding: Finding) -> Finding:
        """The finding without them."""
        return replace(
            finding,
            what=self.text(finding.what),
            why=self.text(finding.why),
            remedy=self.text(finding.remedy),
            figures={name: self._figure(value) for name, value in finding.figures.items()},
        )

    def text(self, text: str) -> str:
        """Any text without them, and without addresses, homes and what looks like a key."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        for name in sorted(self._names, key=len, reverse=True):
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", self._names[name], text)
        text = _HOMES.sub("~", masked(text))
        text = _MAC.sub("[hardware address]", text)
        return _IPV6.sub("[address]", _IPV4.sub("[address]", text))

    def _figure(self, value: Figure) -> Figure:
        return self.text(value) if isinstance(value, str) else value
