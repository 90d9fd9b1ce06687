"""Versions of Python and packages, and whether they can be loaded."""

from __future__ import annotations

import platform
import shutil
import struct
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from speakerd import __version__
from speakerd.config.model import Config
from speakerd.doctor.judges.wheels import Software, needed

MODULES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "click": "click",
    "numpy": "numpy",
    "pyalsaaudio": "alsaaudio",
    "pydantic": "pydantic",
    "pywebrtc-audio": "pywebrtc_audio",
    "pyyaml": "yaml",
    "soundfile": "soundfile",
    "soxr": "soxr",
    "systemd-python": "systemd.journal",
    "webrtcvad-wheels": "webrtcvad",
    "websockets": "websockets",
}
"""What each package is imported as. `pyopen-wakeword` only carries models: its code is never loaded."""

LOAD_LIMIT_S = 60.0
_LOAD = """
import importlib, sys
for name in sys.argv[1:]:
    print("begin", name, flush=True)
    try:
        importlib.import_module(name)
    except Exception as error:
        print("failed", name, type(error).__name__ + ": " + str(error).splitlines()[0][:200] if str(error) else
              type(error).__name__, flush=True)
"""


def software(config: Config, root: Path) -> Software:
    """All of it. The packages are loaded in another process: one that crashes crashes that."""
    try:
        wanted = tuple(requires("speakerd") or ())
    except PackageNotFoundError:
        wanted = ()
    names = needed(wanted) or dict.fromkeys([*MODULES, "pyopen-wakeword"], "")
    return Software(
        python=sys.version_info[:3],
        bits=8 * struct.calcsize("P"),
        machine=platform.machine(),
        system=_system(root),
        speakerd=__version__,
        requirements=wanted,
        installed={name: _version(name) for name in names},
        broken=broken({name: module for name, module in MODULES.items() if _version(name) is not None}),
        missing_programs={name: why for name, why in programs(config).items() if shutil.which(name) is None},
    )


def broken(modules: dict[str, str], limit_s: float = LOAD_LIMIT_S) -> dict[str, str]:
    """Which of these cannot be imported, by package, and why."""
    packages = {module: package for package, module in modules.items()}
    try:
        done = subprocess.run(
            [sys.executable, "-c", _LOAD, *packages], capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return {"one of them": f"loading takes longer than {limit_s:g} s"}
    lines = [line.split(" ", 2) for line in done.stdout.splitlines()]
    failed = {packages[words[1]]: words[2] for words in lines if words[0] == "failed"}
    if done.returncode < 0 and lines:
        failed[packages[lines[-1][1]]] = f"it crashes with signal {-done.returncode}"
    return failed


def programs(config: Config) -> dict[str, str]:
    """Programs that this configuration asks for, and what for."""
    wanted = {}
    embedded = "embedded" in (config.realtime.url, config.realtime.fallback)
    if config.sounds.notices and config.sounds.language == "en":
        wanted["flite"] = "says aloud what went wrong"
    elif config.sounds.notices:
        wanted["espeak-ng"] = "says aloud what went wrong, in your language"
    if embedded and not config.server.piper_model:
        wanted["flite"] = "is the voice of the embedded server"
    if embedded and config.server.piper_model:
        wanted["piper"] = "is the voice of the embedded server"
    return wanted


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _system(root: Path) -> str:
    try:
        release = platform.freedesktop_os_release() if root == Path("/") else {}
    except OSError:
        release = {}
    return release.get("PRETTY_NAME", "an unknown system")
