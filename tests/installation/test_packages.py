"""What the user added to one version is in the next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from speakerd.installation.packages import added, main, take_along

LIST = "Python 3.11.2\nclick==8.5.1 \\\n    --hash=sha256:00\nPyYAML[x]==6.0.3\n"


def version(folder: Path, python: str = "python3.11") -> Path:
    """An environment without packages."""
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "packages").write_text(LIST)
    (folder / "lib" / python / "site-packages").mkdir(parents=True)
    return folder


def put(folder: Path, name: str, number: str = "1.0", *, record: bool = True) -> Path:
    """A package with a module of its name; its module."""
    [packages] = folder.glob("lib/*/site-packages")
    about = packages / f"{name}-{number}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
    module = packages / name / "__init__.py"
    module.parent.mkdir()
    module.write_text(f"number = {number!r}\n")
    if record:
        lines = (f"{name}/__init__.py", f"{about.name}/METADATA", f"{about.name}/RECORD", f"../../../bin/{name}")
        (about / "RECORD").write_text("".join(f"{line},,\n" for line in lines))
    return module


@pytest.fixture
def old(tmp_path):
    folder = version(tmp_path / "old")
    for name in ("click", "pyyaml", "pip", "speakerd", "my_skill"):
        put(folder, name)
    return folder


def test_only_what_the_user_added_counts(old):
    assert set(added(old)) == {"my-skill"}


def test_it_is_whole_in_the_next_version_and_its_programs_are_not(old, tmp_path):
    new = version(tmp_path / "new")
    assert take_along(old, new) == (["my-skill"], [])
    told = "import my_skill, importlib.metadata as m; print(my_skill.number, m.version('my-skill'))"
    folder = new / "lib/python3.11/site-packages"
    done = subprocess.run([sys.executable, "-c", told], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "1.0 1.0\n"
    assert not (new / "bin").exists()


def test_what_the_new_version_brings_itself_is_its_own(old, tmp_path):
    new = version(tmp_path / "new")
    module = put(new, "my_skill", "2.0")
    assert take_along(old, new) == ([], [])
    assert "2.0" in module.read_text()


def test_a_package_for_another_python_is_named_with_the_command_that_brings_it_back(old, tmp_path, capsys):
    new = version(tmp_path / "new", "python3.13")
    main([str(old), str(new)])
    assert "python -m pip install my-skill\n" in capsys.readouterr().out
    assert not list(new.glob("lib/*/site-packages/*"))


def test_one_that_does_not_say_what_belongs_to_it_is_left(old, tmp_path):
    put(old, "vague", record=False)
    assert take_along(old, version(tmp_path / "new")) == (["my-skill"], ["vague"])


def test_nothing_is_said_where_nothing_was_added(tmp_path, capsys):
    main([str(version(tmp_path / "old")), str(version(tmp_path / "new"))])
    assert capsys.readouterr().out == ""
