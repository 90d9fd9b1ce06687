"""The completion files are in step with the commands, and the shells understand them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from speakerd.cli import VERBS, completion

ROOT = Path(__file__).resolve().parents[2]

SHELLS = {
    # What `complete` and compinit would do: call the function with the words typed so far, print what it proposes.
    "bash": (
        "speakerd.bash",
        'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _speakerd; printf "%s\\n" "${COMPREPLY[@]}"',
    ),
    "zsh": (
        "_speakerd",
        '_describe() { [[ $1 = -o ]] && shift; print -l -- "${(@)${(@P)2}%%:*}" }; _files() { print -l -- *(N) }\n'
        'compadd() { print -l -- "$@" }; words=("$@"); CURRENT=$#; source "$0" "$@"',
    ),
}


@pytest.mark.parametrize("name", sorted(completion.documents()))
def test_the_files_are_up_to_date(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text == completion.documents()[name], "run: python -m speakerd.cli.completion"


@pytest.fixture(params=sorted(SHELLS))
def complete(request, tmp_path):
    """Proposals of a shell for words, of which the last is being typed; zsh filters them itself later."""
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    (tmp_path / "a file.yaml").touch()
    (tmp_path / "other.wav").touch()

    def complete(*words: str) -> set[str]:
        name, script = SHELLS[shell]
        options = {"bash": ["--norc"], "zsh": ["-f"]}[shell]
        done = subprocess.run(
            [shell, *options, "-c", script, str(ROOT / "completion" / name), "speakerd", *words],
            cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        return {line for line in done.stdout.splitlines() if line and line.startswith(words[-1])}

    return complete


def test_commands(complete):
    assert complete("") >= set(VERBS)
    assert complete("d") == {name for name in VERBS if name.startswith("d")}
    assert complete("ctl", "") >= {"status", "wake", "stop", "mute", "unmute", "volume", "say", "reload"}
    assert complete("ctl", "s") == {"status", "stop", "say"}
    assert complete("relay", "token", "r") == {"revoke"}


def test_options(complete):
    assert complete("ctl", "mute", "--") == {"--socket", "--json", "--help"}
    assert complete("ctl", "mute", "--json", "--so") == {"--socket"}
    assert complete("run", "--config", "x.yaml", "--e") == {"--events"}
    assert complete("ctl", "say", "stop", "--j") == {"--json"}


def test_values(complete):
    assert complete("serve", "--voice", "") == {"slt", "rms", "awb", "kal16"}
    assert complete("usage", "--by", "m") == {"month"}
    assert complete("check", "--config", "a") == {"a file.yaml"}
    assert complete("listen", "o") == {"other.wav"}
    assert complete("serve", "--port", "") == set()
