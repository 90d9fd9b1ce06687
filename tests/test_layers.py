"""The import contracts of pyproject.toml: that they hold, that they can fail, and that they know every pure module."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
LINT = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> tuple[int, str]:
    """Exit status and report of the contracts, on the package in `folder`."""
    done = subprocess.run(
        [LINT, "--no-cache"], cwd=folder, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    return done.returncode, done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package to spoil."""
    shutil.copytree(ROOT / "speakerd", tmp_path / "speakerd", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_they_hold() -> None:
    status, report = lint(ROOT)
    assert status == 0, report


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("mic/vad.py", "import speakerd.speaker.playout", "Packages import downwards only"),
        ("hw/device.py", "import speakerd.mic.endpoint", "Packages import downwards only"),
        ("mic/new_module.py", "", "mic: what acts"),
        ("new_package.py", "", "Packages import downwards only"),
        ("mic/uplink.py", "import speakerd.mic.vad", "mic: what acts"),
        ("speaker/playout.py", "import speakerd.conversation.machine", "Of the conversation"),
        ("realtime/protocol.py", "import speakerd.config.load", "Only the command line"),
        ("conversation/machine.py", "import time", "What decides is pure"),
        ("conversation/machine.py", "from logging import getLogger", "What decides is pure"),
        ("conversation/table.py", "def f() -> None:\n    import asyncio", "What decides is pure"),
        ("speaker/playout.py", "import speakerd.threads", "What decides is pure"),
        ("app.py", "import alsaaudio", "One home for each library"),
        ("hw/silent.py", "import alsaaudio", "One home for each library"),
        ("app.py", "import websockets.asyncio.client", "One home for each library"),
        ("mic/frontend.py", "import openwakeword", "One home for each library"),
    ],
)
def test_they_can_fail(copy: Path, module: str, line: str, broken: str) -> None:
    path = copy / "speakerd" / module
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(f"{text}\n{line}\n", encoding="utf-8")
    status, report = lint(copy)
    assert status == 1
    # Only then come the details of each broken contract, under its name.
    assert broken in report[report.index("Broken contracts") :]


@pytest.mark.parametrize(
    "package", ["mic", "speaker", "realtime", "conversation", "server", "config", "purse", "skills", "relay"]
)
def test_every_module_of_a_lowest_layer_is_held_to_be_pure(package: str) -> None:
    (layers,) = (c["layers"] for c in CONTRACTS if c.get("containers") == [f"speakerd.{package}"])
    (pure,) = (c["source_modules"] for c in CONTRACTS if c["name"].startswith("What decides is pure"))
    names = [name.strip() for name in layers[-1].replace("|", ":").split(":")]
    assert {f"speakerd.{package}.{name}" for name in names} <= set(pure)
