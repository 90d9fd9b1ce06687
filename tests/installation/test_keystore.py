"""Where the key comes to lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerd.installation.keystore import Keystore
from speakerd.installation.programs import Done, run

KEY = "sk-a-key-that-nobody-has"


class SystemdCreds:
    """Stands in for the program: it needs a booted machine."""

    def __init__(self, *, works: bool) -> None:
        self.works = works
        self.command: tuple[str, ...] = ()

    def __call__(self, *command: str, text: str | None = None) -> Done:
        self.command = command
        if not self.works:
            return Done(1, "Failed to determine local credential host secret: Read-only file system")
        Path(command[-1]).write_text("encrypted" if text == KEY else "of something else")
        return Done(0, "")


def test_encrypted_where_that_works(tmp_path: Path):
    creds = SystemdCreds(works=True)
    store = Keystore(tmp_path, creds)
    assert not store.has_key
    told = store.store(KEY)
    assert (store.has_key, store.encrypted.read_text(), store.plain.exists()) == (True, "encrypted", False)
    assert f"LoadCredentialEncrypted=openai-api-key:{store.encrypted}" in store.drop_in.read_text()
    assert (store.encrypted.stat().st_mode & 0o777, store.drop_in.stat().st_mode & 0o777) == (0o600, 0o644)
    assert KEY not in " ".join(creds.command) + told


def test_unencrypted_and_said_so_where_it_does_not(tmp_path: Path):
    store = Keystore(tmp_path, SystemdCreds(works=True))
    store.store(KEY)
    told = Keystore(tmp_path, SystemdCreds(works=False)).store(KEY)
    assert "UNENCRYPTED" in told
    assert "Read-only file system" in told
    assert KEY not in told
    assert (store.plain.read_text(), store.plain.stat().st_mode & 0o777) == (KEY + "\n", 0o600)
    assert (store.has_key, store.encrypted.exists(), store.drop_in.exists()) == (True, False, False)


def test_a_plain_key_that_others_may_read_is_closed_to_them(tmp_path: Path):
    store = Keystore(tmp_path, SystemdCreds(works=False))
    store.plain.parent.mkdir(parents=True)
    store.plain.write_text("a longer key that was there before, in a file for all\n")
    store.plain.chmod(0o644)
    store.store(KEY)
    assert (store.plain.read_text(), store.plain.stat().st_mode & 0o777) == (KEY + "\n", 0o600)


def test_an_older_plain_key_is_spoken_of(tmp_path: Path):
    Keystore(tmp_path, SystemdCreds(works=False)).store(KEY)
    told = Keystore(tmp_path, SystemdCreds(works=True)).store(KEY)
    assert "still lies unencrypted" in told


@pytest.mark.parametrize(
    ("command", "status"), [(("sh", "-c", "cat; echo err >&2; exit 3"), 3), (("no-such-program-x",), 127)]
)
def test_a_program_is_run(command: tuple[str, ...], status: int):
    done = run(*command, text="in ")
    assert (done.status, done.ok) == (status, False)
    assert done.told == "in err\n" if status == 3 else "No such file" in done.told


def test_a_program_that_does_not_end_is_given_up():
    assert run("sleep", "10", timeout_s=0.05).status == 124
