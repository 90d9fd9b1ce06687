"""Skills from elsewhere: installed packages (entry points), and a folder of .py files. Runs their code.

What is wrong with one of them is told with its file and line; it never stops the others or the daemon.
"""

from __future__ import annotations

import importlib.util
import stat
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from speakerd.config.mistakes import printable
from speakerd.skills.schema import UnusableError
from speakerd.skills.skill import Skill, is_marked

GROUP = "speakerd.skills"
"""Entry points of this group are functions, or modules with functions that are marked with `@skill`."""

_MODULE_PREFIX = "speakerd_user_skills"
MAX_MESSAGE_CHARACTERS = 300


@dataclass(slots=True)
class Loaded:
    """What was found."""

    skills: list[Skill] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """One line each for the journal: `/path/file.py:12: what is wrong`."""


def load_entry_points(found: Iterable[EntryPoint] | None = None) -> Loaded:
    """The skills of installed packages, in the order of their names. Never raises."""
    loaded = Loaded()
    for point in sorted(entry_points(group=GROUP) if found is None else found, key=lambda point: point.name):
        origin = f"entry point {point.name} = {point.value}"
        try:
            thing = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - someone else's code: told, never fatal
            loaded.troubles.append(_told(f"{origin}: {_message(error)}", _line_of(error)))
            continue
        if isinstance(thing, ModuleType):
            _take_module(thing, origin, loaded)
        else:
            _take(thing, origin, loaded)
    return loaded


def load_folder(folder: Path) -> Loaded:
    """The functions marked with `@skill` in the .py files of `folder`, in the order of their names. Never raises.

    Files whose name begins with `_` or `.` are left out. The files are trusted like speakerd itself, so files and
    folders that everybody may change are refused.
    """
    loaded = Loaded()
    try:
        if folder.stat().st_mode & stat.S_IWOTH:
            loaded.troubles.append(
                _told("everybody may change this folder: not read (chmod o-w mends it)", str(folder))
            )
            return loaded
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".py" and path.name[0] not in "._")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such path"
        loaded.troubles.append(_told(f"the folder of skills cannot be read: {reason}", str(folder)))
        return loaded
    for path in paths:
        _load_file(path, loaded)
    return loaded


def _load_file(path: Path, loaded: Loaded) -> None:
    name = f"{_MODULE_PREFIX}.{path.stem}"
    try:
        if path.stat().st_mode & stat.S_IWOTH:
            loaded.troubles.append(_told("everybody may change this file: not read (chmod o-w mends it)", str(path)))
            return
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None  # it ends in .py
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # type hints and dataclasses look there for the module's names
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - someone else's code: told, never fatal
        sys.modules.pop(name, None)
        loaded.troubles.append(_told(_message(error), _line_of(error, path) or str(path)))
        return
    _take_module(module, str(path), loaded)


def _take_module(module: ModuleType, origin: str, loaded: Loaded) -> None:
    marked = list(_marked(module))
    if not marked:
        loaded.troubles.append(_told("no function is marked with @skill", origin))
    for function in marked:
        _take(function, origin, loaded)


def _marked(module: ModuleType) -> Iterator[Any]:
    """Each once, in the order of the file; what was imported from another module is that module's."""
    seen: set[int] = set()
    for thing in list(vars(module).values()):
        if id(thing) not in seen and _is_own(thing, module):
            seen.add(id(thing))
            yield thing


def _is_own(thing: object, module: ModuleType) -> bool:
    try:
        return is_marked(thing) and getattr(thing, "__module__", None) == module.__name__
    except Exception:  # noqa: BLE001 - some things of others, such as proxies, answer no question
        return False


def _take(function: Any, origin: str, loaded: Loaded) -> None:  # noqa: ANN401 - whatever an entry point names
    if not callable(function):
        loaded.troubles.append(_told("this is no function", origin))
        return
    try:
        loaded.skills.append(Skill.of(function))
    except Exception as error:  # noqa: BLE001 - type hints are someone else's code, too
        code = getattr(function, "__code__", None)
        place = f"{code.co_filename}:{code.co_firstlineno}" if code is not None else origin
        why = str(error) if isinstance(error, UnusableError) else _message(error)
        loaded.troubles.append(_told(f"{getattr(function, '__name__', 'it')} cannot be a skill: {why}", place))


def _line_of(error: BaseException, path: Path | None = None) -> str:
    """`/path/file.py:12`: where it went wrong in the plug-in's own file, or else where it did at last."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno or 0}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if path is None or frame.filename == str(path)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""


def _message(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # noqa: BLE001 - how an error words itself is someone else's code, too
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _told(text: str, place: str) -> str:
    line = (text.splitlines() or [""])[0]
    return printable(f"{place}: {line}" if place else line)[:MAX_MESSAGE_CHARACTERS]
