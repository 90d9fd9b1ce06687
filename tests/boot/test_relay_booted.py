"""The relay as a service with its socket, in a really booted systemd, as docs/relay.md installs it. In this order."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from support.boot_home import CONFIG_PATH, Home
from support.booted import Entry
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

pytestmark = [pytest.mark.timeout(600), pytest.mark.alsa]

KEY = "sk-a-key-that-nobody-has"
UNITS = "speakerd-relay.socket speakerd-relay.service"
INSTALL = f"""
    install -m 644 /src/systemd/speakerd-relay.service /src/systemd/speakerd-relay.socket /etc/systemd/system/
    install -d -m 700 /etc/credstore
    printf %s {KEY} | install -m 600 /dev/stdin /etc/credstore/openai-api-key
    systemctl daemon-reload"""
REMOVE = "rm -rf /etc/systemd/system/speakerd-relay.* /etc/credstore/openai-api-key /var/lib/*/speakerd-relay"
DROP_IN = "/etc/systemd/system/speakerd-relay.{}.d/test.conf"


@dataclass
class RelayHome:
    """The machine with the relay."""

    household: Home
    port: int
    secret: str = field(default="", repr=False)

    def connect(self, secret: str = "") -> ClientConnection:
        headers = {"Authorization": f"Bearer {secret or self.secret}"}
        return connect(f"ws://127.0.0.1:{self.port}/v1/realtime", additional_headers=headers, open_timeout=20)

    def greets(self) -> None:
        """A session begins."""
        with self.connect() as client:
            assert json.loads(client.recv(10))["type"] == "session.created"

    def run(self, command: str) -> str:
        return self.household.machine.run(command)

    def pid(self) -> str:
        return self.run("systemctl show -p MainPID --value speakerd-relay").strip()

    def journal(self, event: str) -> list[Entry]:
        text = self.run(f"journalctl --sync; journalctl -u speakerd-relay SPEAKERD_EVENT={event} -o json")
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def relay(household: Home) -> Iterator[RelayHome]:
    """Its units are installed, not started; at the end nothing of it is left."""
    with socket.create_server(("127.0.0.1", 0)) as probe:  # the machine has this one's network
        port = probe.getsockname()[1]
    machine = household.machine
    machine.run(INSTALL)
    machine.write(DROP_IN.format("socket"), f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n")
    machine.write(DROP_IN.format("service"), "[Service]\nWatchdogSec=3\n")
    machine.write(CONFIG_PATH, f'realtime: {{url: "{household.server.url}"}}\n')
    machine.run("systemctl daemon-reload")
    yield RelayHome(household, port)
    machine.run(f"systemctl disable --now {UNITS}; {REMOVE}; systemctl daemon-reload")


def test_systemd_understands_every_line_of_the_units(relay: RelayHome) -> None:
    paths = " ".join(f"/etc/systemd/system/{name}" for name in UNITS.split())
    status, told = relay.household.machine.status(f"systemd-analyze verify --man=no {paths}")
    assert (status, [line for line in told.splitlines() if "speakerd-relay" in line]) == (0, [])


def test_it_starts_and_takes_a_token_from_the_command_line(relay: RelayHome) -> None:
    relay.run(f"systemctl enable --now {UNITS}")
    assert relay.run("systemctl is-active speakerd-relay.socket speakerd-relay.service") == "active\nactive\n"
    relay.secret = relay.run("speakerd relay token add kitchen 2>/dev/null").split()[-1]
    assert "kitchen" in relay.run("speakerd relay token list")
    with relay.connect() as client:
        assert json.loads(client.recv(10))["type"] == "session.created"
        (peer,) = relay.household.server.connections
        asked = peer.connection.request
        assert asked is not None
        assert asked.headers["Authorization"] == f"Bearer {KEY}", "the key that the speaker does not have"
    with pytest.raises(InvalidStatus) as refused:
        relay.connect("spk-" + 43 * "a")
    assert refused.value.response.status_code == 401


def test_the_sandbox_holds_and_the_journal_tells_what_passed_without_secrets(relay: RelayHome) -> None:
    exposure = re.search(
        r"exposure level for \S+: ([\d.]+)", relay.run("systemd-analyze security --no-pager speakerd-relay")
    )
    assert exposure
    assert float(exposure[1]) <= 1.5
    assert relay.run(f"stat -c %U /proc/{relay.pid()}").strip() != "root"
    (entry,) = relay.journal("Relayed")
    assert (entry["SPEAKERD_TOKEN"], entry["SPEAKERD_ENDED_BY"]) == ("kitchen", "client")
    whole = relay.run("journalctl -o export")
    assert KEY not in whole
    assert relay.secret not in whole


def test_nobody_is_turned_away_while_it_restarts_or_is_stopped(relay: RelayHome) -> None:
    before = relay.pid()
    relay.run("systemctl restart --no-block speakerd-relay.service")
    relay.greets()
    assert relay.pid() != before
    relay.run("systemctl stop speakerd-relay.service")
    relay.greets()  # the socket starts it


@pytest.mark.parametrize("number", ["KILL", "STOP"])
def test_one_that_dies_or_hangs_is_replaced(relay: RelayHome, number: str) -> None:
    before = relay.pid()
    relay.run(f"kill -{number} {before}")
    until_s = time.monotonic() + 20
    while relay.pid() in (before, "0"):
        assert time.monotonic() < until_s, relay.run("systemctl status speakerd-relay; true")
        time.sleep(0.2)
    relay.greets()


def test_tokens_outlive_it_and_those_revoked_are_shown_out(relay: RelayHome) -> None:
    with relay.connect() as client:
        assert json.loads(client.recv(10))["type"] == "session.created"
        relay.run("speakerd relay token revoke kitchen")
        assert json.loads(client.recv(15))["type"] == "error"
        with pytest.raises(ConnectionClosedError, match="revoked"):
            client.recv(15)
        assert client.close_code == 1008
