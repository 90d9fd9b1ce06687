"""The volume outlives the daemon; what was said last counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerd.hw.mixer import SoftwareVolume
from speakerd.service.volumefile import KeptVolume, volume_file


def volume(path: Path, configured_percent: int = 70) -> KeptVolume:
    """As at a start."""
    percent = [configured_percent]
    own = SoftwareVolume(lambda: percent[0], lambda new: percent.__setitem__(0, new))
    kept = KeptVolume(own, path, configured_percent)
    kept.recall()
    return kept


@pytest.fixture
def path(tmp_path) -> Path:
    return volume_file({"STATE_DIRECTORY": str(tmp_path / "state")})


def test_what_was_asked_for_is_there_after_a_restart(path):
    assert volume(path).volume_percent() == 70
    volume(path).set_volume_percent(30)
    assert volume(path).volume_percent() == 30
    volume(path).set_volume_percent(0)
    assert volume(path).volume_percent() == 0


def test_a_configuration_that_was_changed_since_counts(path):
    volume(path).set_volume_percent(30)
    assert volume(path, configured_percent=50).volume_percent() == 50


def test_a_reload_forgets_what_was_asked_for_before(path):
    running = volume(path)
    running.set_volume_percent(30)
    running.configure(50)
    assert running.volume_percent() == 50
    assert volume(path, configured_percent=50).volume_percent() == 50
    assert volume(path, configured_percent=70).volume_percent() == 70, "nor does it come back"
    running.set_volume_percent(20)
    assert volume(path, configured_percent=50).volume_percent() == 20


def test_the_mute_is_another_matter(path):
    running = volume(path)
    running.set_muted(True)
    running.set_volume_percent(40)
    assert (running.is_muted(), running.volume_percent()) == (True, 40)
    assert (volume(path).is_muted(), volume(path).volume_percent()) == (False, 40)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"30", b"-5 after 70\n", b"30 after 70\nx", b"9999 after 70\n"])
def test_a_file_that_says_nothing_is_left_aside(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    assert volume(path).volume_percent() == 70


def test_a_disk_that_takes_nothing_costs_the_memory_and_not_the_volume(path):
    path.parent.write_text("no folder")
    running = volume(path)
    running.set_volume_percent(30)
    running.configure(20)
    assert running.volume_percent() == 20
