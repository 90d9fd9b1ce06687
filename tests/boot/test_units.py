"""What systemd's own tools say of our units."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "systemd").glob("*.service"))
MOST_EXPOSED = 1.5

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")


def analyze(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(("systemd-analyze", *arguments), capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy that starts a program which exists here, too, with the socket it wants."""
    source: Path = request.param
    for neighbour in source.parent.glob("*.socket"):
        shutil.copy(neighbour, tmp_path)
    path = tmp_path / source.name
    path.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", source.read_text(), flags=re.M))
    return path


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name, indirect=True)
def test_systemd_understands_every_line(unit: Path) -> None:
    status, told = analyze("verify", "--man=no", str(unit))
    assert (status, [line for line in told.splitlines() if "speakerd" in line]) == (0, [])


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name, indirect=True)
def test_the_sandbox_is_as_tight_as_we_say(unit: Path) -> None:
    # As a unit of an ordinary boot phase: else systemd would not count ProtectSystem= and its likes at all.
    unit.write_text(unit.read_text().replace("DefaultDependencies=no\n", ""))
    _, told = analyze("security", "--offline=true", "--no-pager", str(unit))
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", told)
    assert exposure, told
    assert float(exposure[1]) <= MOST_EXPOSED, told


def test_the_growing_delay_starts_below_the_first_and_ends_within_a_minute() -> None:
    told = dict(re.findall(r"^(\w+)=(\d+)", (ROOT / "systemd/speakerd-backoff.conf").read_text(), flags=re.M))
    assert 1 <= int(told["RestartSec"]) < int(told["RestartMaxDelaySec"]) <= 60
    assert int(told["RestartSteps"]) > 1
