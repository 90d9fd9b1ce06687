"""`speakerd doctor` on an installed machine: beside the service that runs, for whoever asks, and when it has failed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.boot_home import CONFIG_PATH, Home

pytestmark = [pytest.mark.timeout(600), pytest.mark.alsa]

KEY = "sk-a-key-that-nobody-has"
SUBJECTS = {
    "python", "packages", "configuration", "key", "machine", "wifi", "network", "clock", "realtime", "service",
    "journal", "cards", "mixer", "models", "microphone", "loudspeaker", "barge-in",
}  # fmt: skip


def findings(household: Home, *, user: str = "root", options: str = "") -> tuple[int, dict[str, dict[str, Any]], str]:
    """Exit status, findings by subject, all that was printed."""
    card = " ".join(f"{name}={value}" for name, value in household.card.env.items())
    told = household.machine.run(
        f"runuser -u {user} -- env HOME=/run {card} speakerd doctor --json {options}; echo $?", timeout_s=120
    )
    report, _, status = told.strip().rpartition("\n")
    return int(status), {one["subject"]: one for one in json.loads(report)["findings"]}, report


def test_beside_the_service_that_runs_it_finds_everything_well(household: Home) -> None:
    machine = household.machine
    household.configure()
    machine.run(f"printf {KEY} >/run/key; speakerd setup --key-file /run/key --no-listen --no-doctor")
    household.card.loop(40, -20.0)
    try:
        for _ in range(3):  # a machine that is busy with other things may lose sound
            status, found, report = findings(household)
            if found["barge-in"]["figures"].get("mode") == "full":
                break
    finally:
        household.card.noloop()
    assert set(found) >= SUBJECTS
    assert [one for one in found.values() if one["level"] == "problem"] == []
    assert status == 0
    assert found["barge-in"]["figures"]["mode"] == "full"
    assert found["service"]["what"].startswith("The service runs. It says: Waiting for")
    assert found["service"]["figures"]["enabled"] == "enabled"
    assert "encrypted" in found["key"]["what"] or "/etc/credstore/" in found["key"]["what"]
    assert household.machine.run("hostname").strip() not in report
    assert KEY not in report
    household.idle()


def test_somebody_without_rights_is_told_all_but_the_journal(household: Home) -> None:
    _, found, report = findings(household, user="nobody", options="--quick")
    assert set(found) >= SUBJECTS - {"microphone", "loudspeaker", "barge-in"}
    assert "This check failed" not in report
    assert KEY not in report
    assert "sudo speakerd doctor" in found["journal"]["remedy"]
    assert found["service"]["level"] == "ok"


def test_a_service_that_a_mistake_has_stopped_is_a_problem_with_its_remedy(household: Home) -> None:
    machine = household.machine
    machine.run(f"cp {CONFIG_PATH} /run/kept; echo 'nonsense: 1' >>{CONFIG_PATH}")
    assert machine.status("systemctl restart speakerd")[0] != 0
    assert (machine.show("ExecMainStatus"), machine.show("ActiveState")) == ("78", "failed"), "it is not tried again"
    status, found, _ = findings(household, options="--quick")
    machine.run(f"cp /run/kept {CONFIG_PATH}; systemctl restart speakerd")
    assert status == 1
    assert "nonsense" in found["configuration"]["what"]
    assert "exit status 78" in found["service"]["what"]
    assert "speakerd check" in found["service"]["remedy"]
    household.idle()
