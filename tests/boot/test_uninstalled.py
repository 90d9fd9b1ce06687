"""`script/uninstall`, after all that the other tests did to the machine."""

from __future__ import annotations

import pytest
from support.boot_home import CONFIG_PATH, Home

pytestmark = [pytest.mark.timeout(600), pytest.mark.alsa]

KEPT = (
    "/etc/speakerd", "/etc/systemd/system/speakerd.service.d", "/etc/credstore", "/var/lib/private",
    "/var/lib/speakerd",
)  # fmt: skip


def test_uninstalling_keeps_what_is_the_users_and_purging_leaves_nothing(household: Home) -> None:
    machine = household.machine
    machine.run("/src/script/uninstall")
    left = household.new_files()
    assert [path for path in left if not path.startswith(KEPT)] == []
    assert CONFIG_PATH in left
    machine.run("/src/script/uninstall --purge")
    assert household.new_files() == []
    assert machine.status("systemctl cat speakerd")[0] != 0
    household.leave()
