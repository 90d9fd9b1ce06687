"""The installed service's start where something is missing, and how it is tried again."""

from __future__ import annotations

import itertools
import time

import pytest
from support.boot_home import DROP_IN, Home, message, moment
from support.booted import drop_in

pytestmark = [pytest.mark.timeout(600), pytest.mark.alsa]

BROKEN = "/run/speakerd-is-broken"
"""While this is there it dies before it has begun."""
ENDURED_S = 16.0


def answers(household: Home) -> None:
    assert household.call(time.monotonic()).answered_s < 10
    household.idle()


def test_without_sound_and_network_it_waits_for_both(household: Home) -> None:
    machine, card = household.machine, household.card
    machine.write(DROP_IN, drop_in(card.env, TimeoutStartSec="10", WatchdogSec="6", IPAddressDeny="any"))
    machine.run("systemctl daemon-reload; systemctl stop speakerd")
    card.unplug("mic")
    card.unplug("speaker")
    since = len(household.entries)
    machine.run("systemctl start --no-block speakerd")
    household.wait(lambda entry: entry.get("SPEAKERD_EVENT") == "DeviceFailed", since, 10)
    time.sleep(ENDURED_S)
    assert machine.show("ActiveState") == "activating", "longer than TimeoutStartSec="
    assert "microphone: " in (status := machine.show("StatusText"))
    assert "loudspeaker: " in status
    assert machine.show("NRestarts") == "0"
    assert machine.run("speakerd ctl status").count("does not work") == 2
    card.plug("mic")
    card.plug("speaker")
    household.wait(lambda entry: entry.get("SPEAKERD_EVENT") == "Ready", since, 15)  # the network is asked for later
    household.show_card(WatchdogSec="6")
    machine.run("systemctl restart speakerd")
    answers(household)


def test_one_that_dies_at_once_is_tried_again_and_again_until_it_lives(household: Home) -> None:
    machine = household.machine
    unit = {"WatchdogSec": "6", "ExecStartPre": f"test ! -e {BROKEN}"}
    machine.write(DROP_IN, drop_in(household.card.env, **unit))
    machine.run(f"systemctl daemon-reload; systemctl stop speakerd; touch {BROKEN}")
    since = len(household.entries)
    machine.run("systemctl start speakerd; true")
    until_s = time.monotonic() + 30
    while int(machine.show("NRestarts")) < 3:
        assert time.monotonic() < until_s, machine.run("systemctl status speakerd; true")
        time.sleep(0.2)
    household.read()
    again_s = [moment(entry) for entry in household.entries[since:] if "Scheduled restart job" in message(entry)]
    pauses_s = [after - before for before, after in itertools.pairwise(again_s)]
    assert min(pauses_s) > 1, "the machine does not burn"
    if machine.run("systemctl show -p RestartSteps speakerd").strip():  # systemd 254 and newer
        assert pauses_s[-1] > 1.2 * pauses_s[0], "the delay grows"
    machine.run(f"rm {BROKEN}")
    household.wait(lambda entry: entry.get("SPEAKERD_EVENT") == "Ready", since, 30)
    household.show_card(WatchdogSec="6")
    answers(household)
