"""A booted machine with the service installed, once for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from support.boot_home import Home, home
from support.booted import ASKED_FOR, why_not

from speakerd.demo.soundcard import missing_programs

SUITES = os.environ.get(ASKED_FOR, "bookworm").split()


@pytest.fixture(scope="session", params=SUITES)
def household(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """After `script/install`; the first test starts it, each leaves it running and idle."""
    if reason := why_not(request.param) or ", ".join(missing_programs()):
        pytest.skip(reason)
    with home(request.param, tmp_path_factory.mktemp("machine")) as household:
        household.show_card(WatchdogSec="6")  # not the unit's own, which bench/boot.py measures with
        yield household
