"""The microphone stays muted over restarts, and over power failures."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerd.service.mutefile import MuteFile, mute_file


def test_where_it_is():
    assert mute_file({"STATE_DIRECTORY": "/var/lib/speakerd:/x", "HOME": "/h"}) == Path("/var/lib/speakerd/muted")
    assert mute_file({"XDG_STATE_HOME": "/s"}) == Path("/s/speakerd/muted")
    assert mute_file({"HOME": "/h"}) == Path("/h/.local/state/speakerd/muted")


def test_it_is_remembered_until_it_is_taken_back(tmp_path):
    path = tmp_path / "new" / "state" / "muted"
    assert not MuteFile(path).recall()
    assert MuteFile(path).keep(muted=False) == ""
    for muted in (True, True, False, False, True):
        assert MuteFile(path).keep(muted=muted) == ""
        assert MuteFile(path).recall() is muted


def test_where_it_cannot_be_kept_that_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    assert MuteFile(tmp_path / "file" / "muted").keep(muted=True) in ("File exists", "Not a directory")
    assert not MuteFile(tmp_path / "file" / "muted").recall()


def test_what_cannot_be_found_out_counts_as_muted(monkeypatch, tmp_path):
    def broken(*_args: object, **_more: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "stat", broken)
    assert MuteFile(tmp_path / "muted").recall()


@pytest.mark.parametrize("muted", [True, False])
def test_it_is_on_the_disk_before_it_is_told(tmp_path, monkeypatch, muted):
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    path = tmp_path / "muted"
    MuteFile(path).keep(muted=muted)
    assert len(synced) == 1
