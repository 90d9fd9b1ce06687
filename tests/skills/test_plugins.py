"""Plug-ins good and bad: from a folder, and from installed packages."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from speakerd.skills.plugins import load_entry_points, load_folder

GOOD = '''\
"""Lamps."""

from __future__ import annotations

from dataclasses import dataclass
from speakerd.skills import skill, SkillError


@dataclass
class Lamp:
    name: str


def helper():
    """Not for the model."""


@skill
def switch(lamp: Lamp, on: bool) -> str:
    """Switch a lamp."""
    return f"{lamp.name} {on}"


@skill(timeout_s=30)
async def all_off() -> None:
    """Switch all off."""


again = switch
'''


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "skills"
    made.mkdir(mode=0o755)
    return made


def put(folder, name, text):
    path = folder / name
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    path.chmod(0o644)
    return path


def names(loaded):
    return [skill.name for skill in loaded.skills]


def test_a_good_file(folder):
    put(folder, "lamps.py", GOOD)
    loaded = load_folder(folder)
    assert names(loaded) == ["switch", "all_off"]
    assert loaded.troubles == []
    switch, all_off = loaded.skills
    assert switch.parameters.schema["properties"]["lamp"]["properties"] == {"name": {"type": "string"}}
    assert switch.function(**switch.parameters.read('{"lamp": {"name": "desk"}, "on": true}')) == "desk True"
    assert all_off.timeout_s == 30


def test_files_in_order_and_those_that_are_none(folder):
    for name in ("b.py", "a.py"):
        put(folder, name, GOOD.replace("switch", f"switch_{name[0]}").replace("all_off", f"off_{name[0]}"))
    put(folder, "_draft.py", "1/0")
    put(folder, ".hidden.py", "1/0")
    put(folder, "notes.txt", "1/0")
    loaded = load_folder(folder)
    assert names(loaded) == ["switch_a", "off_a", "switch_b", "off_b"]
    assert loaded.troubles == []


BAD = [
    ("x = 1\ny = 1 / 0\n", ":2: ZeroDivisionError: division by zero"),
    ("import nothing_of_this_name\n", ":1: ModuleNotFoundError: No module named 'nothing_of_this_name'"),
    ("def f(:\n", ":1: SyntaxError: invalid syntax"),
    ("x = 1\n  y = 2\n", ":2: IndentationError: unexpected indent"),
    ("import sys\n\nsys.exit(3)\n", ":3: SystemExit: 3"),
    ("import json\njson.loads('{')\n", ":2: JSONDecodeError"),
    ("class Odd(Exception):\n    def __str__(self):\n        return self.none\n\n\nraise Odd\n", ":6: Odd"),
    (b"x = '\xe9'\n", "SyntaxError"),
    (b"x = 1\0\n", "source code"),
    ("def f():\n    '''Do.'''\n", ": no function is marked with @skill"),
    ("from speakerd.skills import skill\n", ": no function is marked with @skill"),
    (
        "from speakerd.skills import skill\n\n@skill\ndef f(a):\n    '''Do.'''\n",
        ":3: f cannot be a skill: the parameter a has no type hint",
    ),
    ("from speakerd.skills import skill\n@skill\ndef f(): pass\n", ":2: f cannot be a skill: it has no docstring"),
    (
        "from __future__ import annotations\nfrom speakerd import skills\n"
        "@skills.skill\ndef f(a: Nonsense):\n    '''Do.'''\n",
        ":3: f cannot be a skill: a type hint cannot be understood: name 'Nonsense' is not defined",
    ),
    (
        "from __future__ import annotations\nfrom speakerd import skills\n"
        "@skills.skill\ndef f(a: 1 / 0):\n    '''Do.'''\n",
        ":3: f cannot be a skill: ZeroDivisionError: division by zero",
    ),
    ("raise Exception('one\\ntwo \\x1b[31m')\n", ":1: Exception: one"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_a_bad_file_is_named_with_its_line_and_stops_no_other(folder, text, words):
    bad = put(folder, "bad.py", text)
    put(folder, "good.py", GOOD)
    put(folder, "a_good.py", GOOD.replace("switch", "press").replace("all_off", "none_off"))
    loaded = load_folder(folder)
    assert names(loaded) == ["press", "none_off", "switch", "all_off"]
    (trouble,) = loaded.troubles
    assert trouble.startswith(str(bad))
    assert words in trouble
    assert trouble.isprintable()


def test_files_that_everybody_may_change_are_refused(folder):
    path = put(folder, "lamps.py", GOOD)
    path.chmod(0o666)
    loaded = load_folder(folder)
    assert loaded.skills == []
    assert loaded.troubles == [f"{path}: everybody may change this file: not read (chmod o-w mends it)"]
    folder.chmod(0o777)
    assert load_folder(folder).troubles == [
        f"{folder}: everybody may change this folder: not read (chmod o-w mends it)"
    ]


def test_a_folder_that_is_none(tmp_path):
    assert "cannot be read: No such file" in load_folder(tmp_path / "none").troubles[0]
    assert "cannot be read: Not a directory" in load_folder(put(tmp_path, "file", "")).troubles[0]


def test_a_dangling_link(folder):
    (folder / "gone.py").symlink_to(folder / "nowhere")
    (trouble,) = load_folder(folder).troubles
    assert trouble.startswith(f"{folder / 'gone.py'}: FileNotFoundError")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Packages that are installed for this test alone."""
    made = tmp_path / "site"
    made.mkdir()
    monkeypatch.syspath_prepend(str(made))

    def install(module, text, entries):
        (made / f"{module}.py").write_text(text)
        info = made / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[speakerd.skills]\n{entries}\n")
        return made

    return install


def test_installed_packages_are_found(package):
    package("speakerd_test_lamps", GOOD, "lamps = speakerd_test_lamps\nhelp = speakerd_test_lamps:helper")
    broken = package("speakerd_test_broken", "x = 1\n1 / 0\n", "broken = speakerd_test_broken")
    package(
        "speakerd_test_odd", "x = 1\n", "odd = speakerd_test_odd:x\nempty = speakerd_test_odd\nno = speakerd_test_odd:y"
    )
    loaded = load_entry_points()
    assert names(loaded) == ["helper", "switch", "all_off"]
    broken_told, *told = loaded.troubles
    assert broken_told.startswith(f"{broken / 'speakerd_test_broken.py'}:2: entry point broken")
    assert told[0] == "entry point empty = speakerd_test_odd: no function is marked with @skill"
    assert "AttributeError" in told[1]
    assert told[2] == "entry point odd = speakerd_test_odd:x: this is no function"


def test_what_a_file_imports_is_not_its_own(package, folder):
    package("speakerd_test_shared", GOOD, "shared = speakerd_test_shared")
    put(folder, "own.py", GOOD.replace("again = switch", "from speakerd_test_shared import switch as theirs"))
    assert names(load_folder(folder)) == ["switch", "all_off"]


def test_an_entry_point_to_nowhere():
    (trouble,) = load_entry_points([EntryPoint("a", "nothing_of_this_name:f", "speakerd.skills")]).troubles
    assert "entry point a = nothing_of_this_name:f: ModuleNotFoundError" in trouble


def test_an_entry_point_to_something_that_cannot_be_asked_what_it_takes():
    (trouble,) = load_entry_points([EntryPoint("a", "builtins:dict", "speakerd.skills")]).troubles
    assert "entry point a = builtins:dict: dict cannot be a skill: ValueError: no signature" in trouble


PROXY = """

class Proxy:
    def __call__(self):
        pass

    def __getattr__(self, name):
        raise RuntimeError("outside of everything")


proxy = Proxy()
"""


def test_a_thing_in_a_file_that_answers_no_question_is_no_skill(folder):
    put(folder, "lamps.py", GOOD + PROXY)
    loaded = load_folder(folder)
    assert names(loaded) == ["switch", "all_off"]
    assert loaded.troubles == []


def test_a_plug_in_needs_nothing_but_the_small_module():
    """`from speakerd.skills import skill` brings in neither the wake models nor asyncio's servers."""
    code = "import speakerd.skills, sys; print([m for m in ('numpy', 'websockets', 'alsaaudio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
