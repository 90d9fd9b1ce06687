"""`script/install` and `script/uninstall` as far as they go without root; tests/boot has the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


def as_nobody(*command: str) -> subprocess.CompletedProcess[str]:
    """Run as somebody without rights."""
    away = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups") if os.geteuid() == 0 else ()
    return subprocess.run((*away, *command), capture_output=True, text=True, check=False, timeout=20)


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="needs shellcheck")
@pytest.mark.parametrize("name", ["install", "uninstall"])
def test_shellcheck_finds_nothing(name: str):
    done = subprocess.run(("shellcheck", str(ROOT / "script" / name)), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture
def script(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy where anybody may read it."""
    folder = tmp_path_factory.mktemp("checkout")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    (folder / "script").mkdir()
    return Path(shutil.copy(ROOT / "script" / request.param, folder / "script"))


@pytest.mark.parametrize("script", ["install", "uninstall"], indirect=True)
def test_without_root_it_changes_nothing_and_says_what_to_run(script: Path):
    done = as_nobody(str(script))
    assert (done.returncode, f"sudo script/{script.name}" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("script", ["install", "uninstall"], indirect=True)
def test_an_unknown_argument_is_refused(script: Path):
    done = as_nobody(str(script), "--nonsense")
    assert done.returncode in (1, 2)
    assert "--nonsense" in done.stderr
