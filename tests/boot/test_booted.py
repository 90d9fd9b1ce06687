"""The installed service in a really booted systemd, and what befalls it. In this order."""

from __future__ import annotations

import json
import re
import time

import pytest
from support.boot_faults import FAULTS, BootFault, suffer
from support.boot_home import CONFIG_PATH, Home, message

pytestmark = [pytest.mark.timeout(600), pytest.mark.alsa]

AGAIN_S = 10.0
KEY = "sk-a-key-that-nobody-has"
BROKEN = "/run/speakerd-is-broken"
NEXT = f"""
    mkdir /run/next && cd /src
    cp -R speakerd script systemd config completion requirements pyproject.toml README.md LICENSE /run/next
    sed -i 's/^__version__ = .*/__version__ = "99.0"/' /run/next/speakerd/__init__.py
    printf 'import os\\nassert not os.path.exists("{BROKEN}"), "the planted fault"\\n' >>/run/next/speakerd/app.py"""
"""A checkout of a later version, which does not start while that file exists."""


WHEEL = """
import zipfile
with zipfile.ZipFile("/run/own_lamps-1.0-py3-none-any.whl", "w") as wheel:
    about = "own_lamps-1.0.dist-info/"
    wheel.writestr("own_lamps.py", "here = True\\n")
    wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: own-lamps\\nVersion: 1.0\\n")
    wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    names = ("own_lamps.py", about + "METADATA", about + "WHEEL", about + "RECORD")
    wheel.writestr(about + "RECORD", "".join(name + ",,\\n" for name in names))
"""
"""Writes a package of the user's own."""


def answers(household: Home) -> None:
    answer = household.call(time.monotonic())
    assert answer.answered_s < 10
    household.idle()


def test_setup_stores_the_key_finds_the_cards_and_starts_the_service(household: Home) -> None:
    machine = household.machine
    machine.run(f"printf '{KEY}\\n' >/run/key")
    machine.write(CONFIG_PATH, f'realtime: {{url: "{household.server.url}"}}\n')
    for _ in range(3):  # a machine that is busy with other things may lose sound
        status, told = household.setup("--key-file", "/run/key")
        if status == 0:
            break
    assert (status, 'Say "hey jarvis"' in told) == (0, True), told
    assert "0 problems" in told or "All is well" in told
    assert "systemctl start" not in told, "setup does that itself"
    assert KEY not in told
    assert machine.show("ActiveState") == "active"
    assert machine.run("systemctl is-enabled speakerd") == "enabled\n"
    assert "capture_device: speakerd_mic" in machine.run(f"speakerd check --config {CONFIG_PATH}; cat {CONFIG_PATH}")
    assert machine.run("cat /run/credentials/speakerd.service/openai-api-key").strip() == KEY
    assert machine.status(f"grep -rl {KEY} /etc /opt/speakerd /var/lib; journalctl | grep {KEY}") == (1, "")
    household.configure()
    machine.run("systemctl restart speakerd")


def test_it_becomes_ready_and_answers_under_its_whole_sandbox(household: Home) -> None:
    machine = household.machine
    since, began_s = len(household.entries), time.monotonic()
    machine.run("systemctl restart speakerd")
    assert time.monotonic() - began_s < 5
    answers(household)
    exposure = re.search(
        r"exposure level for \S+: ([\d.]+)", machine.run("systemd-analyze security --no-pager speakerd")
    )
    assert exposure
    assert float(exposure[1]) <= 1.5
    assert machine.run("stat -c %U /proc/$(systemctl show -p MainPID --value speakerd)").strip() != "root"
    errors = [message(entry) for entry in household.entries[since:] if int(entry.get("PRIORITY", 6)) <= 4]
    assert errors == [], "nothing that it wants is forbidden"


def test_the_boot_does_not_wait_for_it(household: Home) -> None:
    waits_for = household.machine.run("systemctl show multi-user.target --property After --value").split()
    assert "systemd-logind.service" in waits_for
    assert "speakerd.service" not in waits_for


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_it_hears_and_answers_within_ten_seconds_after(fault: BootFault, household: Home) -> None:
    outcome = suffer(household, fault)
    assert outcome.answer.heard_s < AGAIN_S
    assert outcome.told, "the journal names it"


def test_the_journal_explains_what_went_wrong_and_stats_adds_it_up(household: Home) -> None:
    machine = household.machine
    machine.run(f"cp {CONFIG_PATH} /run/kept; echo 'nonsense: 1' >>{CONFIG_PATH}; systemctl reload speakerd")
    machine.run(f"cp /run/kept {CONFIG_PATH}; systemctl reload speakerd")
    answers(household)
    explained = machine.run("journalctl -x -u speakerd --no-pager SPEAKERD_EVENT=ReloadRefused")
    assert "Subject: " in explained
    assert "Defined-By: speakerd" in explained
    added = json.loads(machine.run("speakerd stats --since 1d --json"))["all"]
    assert added["counts"]["starts"] >= 1
    assert added["counts"]["wakes"] >= added["counts"]["conversations"] >= 1
    assert added["faults"]["ReloadRefused"] >= 1
    for figure in ("wake_to_chime_ms", "wake_to_live_ms", "turn_end_to_sound_ms"):
        assert 0 < added["times"][figure]["p50"] < 3000, figure
    table = machine.run("speakerd stats").splitlines()
    assert max(map(len, table)) <= 80


def test_the_group_audio_commands_it_and_nobody_else(household: Home) -> None:
    machine = household.machine
    machine.run("useradd --groups audio insider; useradd outsider")
    assert machine.run("stat -c '%A %G' /run/speakerd/ctl") == "srw-rw---- audio\n"
    for user in ("root", "insider"):
        told = machine.run(f"runuser -u {user} -- speakerd ctl status")
        assert told.startswith("Waiting for hey_jarvis.\n")
    assert machine.status("runuser -u outsider -- speakerd ctl mute")[0] == 4
    machine.run("userdel insider; userdel outsider")


def test_mute_and_volume_stay_over_a_restart_until_they_are_taken_back(household: Home) -> None:
    machine = household.machine
    machine.run("speakerd ctl volume 90 && speakerd ctl mute && systemctl restart speakerd")
    assert "Microphone muted" in machine.show("StatusText")
    since = len(household.entries)
    household.call_once()
    household.wait(lambda entry: entry.get("SPEAKERD_EVENT") == "WakeWhileMuted", since, 5)
    assert not [entry for entry in household.entries[since:] if entry.get("SPEAKERD_EVENT") == "WakeDetected"]
    machine.run("speakerd ctl unmute")
    assert machine.run("speakerd ctl volume") == "The volume is 90 percent.\n", "this card has no mixer"
    answers(household)


def test_installing_again_changes_nothing(household: Home) -> None:
    machine = household.machine
    machine.run(f"echo '# mine' >>{CONFIG_PATH}")
    process, files = machine.show("MainPID"), household.new_files()
    status, told = machine.status("flock /opt/speakerd/versions sleep 2 & sleep 0.5; /src/script/install")
    assert (status, "another one is at work" in told, "runs already" in told) == (0, True, True), told
    assert (machine.show("MainPID"), household.new_files()) == (process, files)
    assert machine.run(f"tail -n 1 {CONFIG_PATH}") == "# mine\n"


def test_without_room_nothing_is_begun(household: Home) -> None:
    machine = household.machine
    before = household.new_files()
    machine.run("mount -t tmpfs -o size=60m small /opt/speakerd/versions")
    status, told = machine.status("/src/script/install")
    machine.run("umount /opt/speakerd/versions")
    assert (status, " MB are free in " in told) == (1, True), told
    assert household.new_files() == before
    answers(household)


def test_a_package_of_the_users_own_is_installed_into_the_services_python(household: Home) -> None:
    machine = household.machine
    machine.run("python3 -", text=WHEEL)
    machine.run("/opt/speakerd/bin/python -m pip install --no-index /run/own_lamps-1.0-py3-none-any.whl")
    folder = machine.run("/opt/speakerd/bin/python -c 'import own_lamps; print(own_lamps.__file__)'")
    assert folder.startswith("/opt/speakerd/")
    program = machine.run("tr '\\0' '\\n' </proc/$(systemctl show -p MainPID --value speakerd)/cmdline | head -n 1")
    machine.run(f"{program.strip()} -c 'import own_lamps'")


def test_an_update_that_does_not_become_ready_is_taken_back(household: Home) -> None:
    machine = household.machine
    version = machine.run("speakerd --version")
    machine.run(f"{NEXT}; touch {BROKEN}")
    status, told = machine.status("/run/next/script/install", timeout_s=300)
    assert (status, "going back to" in told, "the planted fault" in told) == (1, True, True), told
    assert machine.run("speakerd --version") == version
    assert machine.show("ActiveState") == "active"
    answers(household)
    machine.run(
        "/opt/speakerd/versions/99.0-*/bin/python -c 'import own_lamps'; /opt/speakerd/versions/99.0-*/bin/pip list"
    )


def test_an_update_that_becomes_ready_stays_and_keeps_the_configuration(household: Home) -> None:
    machine = household.machine
    machine.run(f"rm {BROKEN}; echo '# other packages' >>/run/next/requirements/runtime.txt")
    status, told = machine.status("/run/next/script/install", timeout_s=300)
    assert (status, "the service runs speakerd 99.0-" in told) == (0, True), told
    assert machine.run("speakerd --version").split()[-1] == "99.0"
    assert len(machine.run("ls /opt/speakerd/versions").split()) == 1, "the old one is removed"
    assert "you added were taken along: own-lamps" in told
    machine.run("/opt/speakerd/bin/python -c 'import own_lamps'")
    assert machine.run(f"tail -n 1 {CONFIG_PATH}") == "# mine\n"
    answers(household)


def test_a_configuration_that_the_new_version_refuses_stops_the_update(household: Home) -> None:
    machine = household.machine
    machine.run(f"cp {CONFIG_PATH} /run/kept; echo 'nonsense: 1' >>{CONFIG_PATH}")
    version = machine.run("speakerd --version; systemctl show -p MainPID speakerd")
    status, told = machine.status("/run/next/script/install")
    machine.run(f"cp /run/kept {CONFIG_PATH}")
    assert (status, "nonsense" in told, "nothing was changed" in told) == (1, True, True), told
    assert machine.run("speakerd --version; systemctl show -p MainPID speakerd") == version
