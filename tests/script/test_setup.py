"""`script/setup` on a checkout of its own, without network: a tiny project that is built by its own backend."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "speakerd"
version = "1"
"""

BACKEND = '''\
"""Builds an editable wheel with one console script, with the standard library alone."""
import pathlib, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "speakerd-1-py3-none-any.whl"
    files = {
        "speakerd.pth": str(pathlib.Path.cwd()),
        "speakerd-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: speakerd\\nVersion: 1\\n",
        "speakerd-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        "speakerd-1.dist-info/entry_points.txt": "[console_scripts]\\nspeakerd = tiny:main\\n",
        "speakerd-1.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
'''

TINY = 'import sys\n\ndef main():\n    print("tiny", *sys.argv[1:])\n'


def _debian_packages_are_there() -> bool:
    """The list in script/setup is installed: else it would install it, which is no test's business."""
    if shutil.which("dpkg-query") is None:
        return False
    names = (ROOT / "script" / "setup").read_text().split('debian_packages="')[1].split('"')[0].split()
    query = ("dpkg-query", "--show", "--showformat=${db:Status-Status}\n", *names)
    done = subprocess.run(query, check=False, capture_output=True, text=True)
    return done.stdout.split() == ["installed"] * len(names)


pytestmark = [
    pytest.mark.skipif(not _debian_packages_are_there(), reason="needs the Debian packages that script/setup installs"),
    pytest.mark.timeout(180),
]


class Checkout:
    """A checkout with our scripts and the tiny project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "script").mkdir(parents=True)
        (folder / "requirements").mkdir()
        for name in ("setup", "run"):
            shutil.copy(ROOT / "script" / name, folder / "script" / name)
        for name in ("build", "runtime", "dev"):
            (folder / "requirements" / f"{name}.txt").write_text("# nothing\n")
        (folder / "pyproject.toml").write_text(PYPROJECT)
        (folder / "backend.py").write_text(BACKEND)
        (folder / "tiny.py").write_text(TINY)

    def run(self, *command: str, extras: str = "no", path: str = "") -> subprocess.CompletedProcess[str]:
        """Run one of its scripts, from a folder that is not the checkout, without a usable package index.

        `extras`: whether to install what only some tests want; `path`: a folder of programs before the system's.
        """
        return subprocess.run(
            (str(self.folder / "script" / command[0]), *command[1:]),
            check=False, capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL, timeout=120,
            env={
                "PATH": f"{path}:/usr/sbin:/usr/bin:/sbin:/bin".removeprefix(":"), "HOME": "/nonexistent",
                "PIP_NO_INDEX": "1", "SPEAKERD_TEST_EXTRAS": extras,
            },
        )  # fmt: skip

    def setup(self, want: str = "runtime") -> str:
        """Run script/setup, which must succeed; what it said."""
        done = self.run("setup", want)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def works(self) -> bool:
        """The program of this very checkout starts."""
        done = subprocess.run((self.folder / ".venv" / "bin" / "speakerd", "a b"), check=False, capture_output=True)
        return done.stdout == b"tiny a b\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which script/setup has run once."""
    checkout = Checkout(tmp_path_factory.mktemp("finished") / "checkout")
    said = checkout.setup()
    assert "making the Python environment" in said
    assert checkout.works()
    return checkout.folder


@pytest.fixture
def checkout(finished: Path) -> Checkout:
    """The finished checkout; a test may break it, and leaves it whole by running script/setup again."""
    checkout = Checkout.__new__(Checkout)
    checkout.folder = finished
    return checkout


def test_a_finished_installation_is_left_alone(checkout: Checkout) -> None:
    before = (checkout.folder / ".venv" / ".speakerd").stat().st_mtime_ns
    assert checkout.setup() == ""
    assert (checkout.folder / ".venv" / ".speakerd").stat().st_mtime_ns == before


def test_run_passes_its_arguments_on(checkout: Checkout) -> None:
    done = checkout.run("run", "check", "--config", "a b")
    assert (done.returncode, done.stdout, done.stderr) == (0, "tiny check --config a b\n", "")


def test_dev_comes_on_top_and_stays(checkout: Checkout) -> None:
    said = checkout.setup("dev")
    assert "requirements/dev.txt" in said
    assert "making" not in said
    assert checkout.setup("runtime") == ""
    assert checkout.setup("dev") == ""


def test_a_changed_project_is_installed_without_its_packages(checkout: Checkout) -> None:
    with (checkout.folder / "pyproject.toml").open("a") as project:
        project.write("# changed\n")
    assert checkout.setup().splitlines() == ["script/setup: installing speakerd itself into .venv"]
    assert checkout.setup() == ""


def test_an_environment_without_its_python_is_made_anew(checkout: Checkout) -> None:
    (checkout.folder / ".venv" / "bin" / "python").unlink()
    assert "making the Python environment" in checkout.setup()
    assert checkout.works()


def test_a_failing_step_says_so_and_the_next_run_heals(checkout: Checkout) -> None:
    lock = checkout.folder / "requirements" / "runtime.txt"
    lock.write_text(f"not-to-be-had==1 --hash=sha256:{'0' * 64}\n")
    done = checkout.run("setup")
    assert done.returncode == 1
    assert "FAILED: pip install of requirements/runtime.txt" in done.stderr
    assert "is the network up? then run this again" in done.stderr
    lock.write_text("# nothing\n")
    checkout.setup()
    assert checkout.works()


def test_a_copied_checkout_gets_an_environment_of_its_own(checkout: Checkout, tmp_path: Path) -> None:
    copy = Checkout.__new__(Checkout)
    copy.folder = tmp_path / "a copy"
    shutil.copytree(checkout.folder, copy.folder, symlinks=True)
    (copy.folder / "tiny.py").write_text(TINY.replace("tiny", "moved"))
    assert "making the Python environment" in copy.setup()
    assert copy.run("run", "x").stdout == "moved x\n"


def test_an_unknown_argument_is_refused(checkout: Checkout) -> None:
    done = checkout.run("setup", "everything")
    assert done.returncode == 1
    assert "script/setup [runtime|dev]" in done.stderr


NPM = """\
#!/bin/sh
echo called >>"$0.calls"
[ ! -e "$0.fails" ] && mkdir -p "{folder}/requirements/node/node_modules"
"""
"""Does what `npm ci` leaves behind."""


@pytest.fixture
def programs(checkout: Checkout, tmp_path: Path) -> Path:
    """A folder with what tests want, for dev on top of a finished checkout with a lock of npm's."""
    (tmp_path / "npm").write_text(NPM.format(folder=checkout.folder))
    for name in ("redis-server", "chromium"):
        (tmp_path / name).write_text("#!/bin/sh\n")
    for program in tmp_path.iterdir():
        program.chmod(0o755)
    node = checkout.folder / "requirements" / "node"
    shutil.rmtree(node, ignore_errors=True)
    node.mkdir()
    (node / "package-lock.json").write_text("{}")
    checkout.setup("dev")
    return tmp_path


def calls(programs: Path) -> int:
    path = programs / "npm.calls"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_npms_packages_are_installed_once_and_again_when_their_lock_changes(checkout: Checkout, programs: Path) -> None:
    for expected in (1, 1):
        done = checkout.run("setup", "dev", extras="yes", path=str(programs))
        assert done.returncode == 0, done.stderr
        assert calls(programs) == expected
    assert done.stderr == "", "nothing was left to do"
    (checkout.folder / "requirements" / "node" / "package-lock.json").write_text("{ }")
    assert checkout.run("setup", "dev", extras="yes", path=str(programs)).returncode == 0
    assert calls(programs) == 2


def test_npms_packages_are_for_dev_alone(checkout: Checkout, programs: Path) -> None:
    assert checkout.run("setup", "runtime", extras="yes", path=str(programs)).returncode == 0
    assert checkout.run("setup", "dev", extras="no", path=str(programs)).returncode == 0
    assert calls(programs) == 0


def test_where_they_cannot_be_had_a_notice_says_so_and_the_rest_stands(checkout: Checkout, programs: Path) -> None:
    (programs / "npm.fails").touch()
    done = checkout.run("setup", "dev", extras="yes", path=str(programs))
    assert done.returncode == 0
    assert "notice: npm's packages were not installed; these tests will skip" in done.stderr
    assert checkout.works()
    (programs / "npm.fails").unlink()
    assert checkout.run("setup", "dev", extras="yes", path=str(programs)).returncode == 0
    assert calls(programs) == 2
