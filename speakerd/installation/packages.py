"""Packages that the user added to an installed version, for skills: an update takes them along.

`python -m speakerd.installation.packages OLD NEW` is what `script/install` runs. They are copied, not fetched: that
needs no network, and of a package of one's own no index knows anything.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

NOT_ADDED = frozenset({"pip", "speakerd", "setuptools"})
"""There without being listed: what `venv` brings, and ourselves."""


def added(version: Path) -> dict[str, Distribution]:
    """Those in the environment `version` that are not in the list that it was built from, by name."""
    listed = (version / "files" / "packages").read_text()
    brought = {_plain(name) for name in re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==", listed, flags=re.M)} | NOT_ADDED
    there = {_plain(one.name): one for one in distributions(path=[str(path) for path in _folders(version)])}
    return {name: one for name, one in there.items() if name not in brought}


def take_along(old: Path, new: Path) -> tuple[list[str], list[str]]:
    """Copy what was added to `old` into `new`, save what `new` has itself; names of those taken, and of those left."""
    target = next(iter(_folders(new)))
    present = {_plain(one.name) for one in distributions(path=[str(target)])}
    taken: list[str] = []
    left: list[str] = []
    for name, package in sorted(added(old).items()):
        if name in present:
            continue
        fits = Path(str(package.locate_file(""))).parent.name == target.parent.name  # made for the same Python
        (taken if fits and _copy(package, target) else left).append(name)
    return taken, left


def _copy(package: Distribution, target: Path) -> bool:
    """Its files, save programs; False if it does not say which they are."""
    files = [file for file in package.files or () if ".." not in file.parts]
    for file in files:
        source, goal = Path(str(package.locate_file(file))), target / file
        if source.is_file() and not goal.exists():
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, goal)
    return bool(files)


def _folders(version: Path) -> list[Path]:
    return sorted(version.glob("lib/python3.*/site-packages"))


def _plain(name: str) -> str:
    """As names of packages are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(arguments: Sequence[str]) -> None:
    """Print what came of it; nothing if nothing was added."""
    taken, left = take_along(*map(Path, arguments))
    if taken:
        sys.stdout.write(f"packages that you added were taken along: {' '.join(taken)}\n")
    if left:
        sys.stdout.write(
            "packages that you added are missing, they are for another Python. Install them again:\n"
            f"  sudo /opt/speakerd/bin/python -m pip install {' '.join(left)}\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
