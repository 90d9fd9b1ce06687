"""Every kind of journal entry has its id, what somebody may have to mend is explained, and all of it is in use."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.entries import CATALOG, ROOT, Site, entries, sites

from speakerd.config.model import Config
from speakerd.conversation import events as ev
from speakerd.conversation.state import State
from speakerd.logfields import fields_of
from speakerd.realtime.outputs import Said, SaidCut, SaidPartly
from speakerd.realtime.troubles import CODES, Trouble
from speakerd.service.losses import KINDS as LOSSES
from speakerd.service.message_ids import MESSAGE_IDS
from speakerd.service.notify import Notifier
from speakerd.service.reporter import Reporter
from speakerd.service.sentences import describe, failure, kind_of
from speakerd.service.stats.tally import TIMES
from speakerd.service.vigil import FAILURES

SITES = sites()
ENTRIES = entries()
ALWAYS = {"EVENT"}
WONDERS = {"Muted", "WakeWhileMuted", "FalseInterruption"}
"""No faults, but people ask why it does that."""
INSTALLER = ROOT / "script" / "install"
NOTHING = "closed_by_nobody_knows"


def told_of_events() -> dict[str, int]:
    """Kinds, and their levels, of what the conversation's events make of themselves in every state."""
    samples: list[ev.Event] = [
        ev.WakeDetected("alexa", 0.9, 1),
        ev.StopRequested("mute"),
        ev.SessionReady(1),
        ev.SessionEnded(1),
        *(ev.SessionEnded(1, code) for code in [*CODES, NOTHING]),
        ev.UserSpeechStarted(1),
        ev.UserSpeechStopped(1),
        ev.NothingAsked(1),
        ev.BargeInSuspected(1),
        ev.BargeInDismissed(),
        ev.BargeInDetected(1, -30.0),
        ev.ResponseStarted(1, "r"),
        ev.ResponseEnded(1, "r", "completed", 9),
        ev.ResponseEnded(1, "r", "failed", 0),
        ev.ToolsCalled(1, "r", ("clock",)),
        ev.ToolsSettled(1, "r"),
        ev.PlayoutStarted("i"),
        ev.PlayoutDrained(),
        ev.PlayoutFlushed(),
        ev.PlayoutFlushed((ev.ItemHeard("i", 1, 2),)),
        ev.DeadlineReached(),
    ]
    assert {type(event) for event in samples} == set(ev.Event.__args__)
    found: dict[str, int] = {}
    for event in samples:
        for before in State:
            for after in State:
                told = describe(event, before, after, {})
                found[told.kind] = max(told.level, found.get(told.kind, 0))
    return found


EVENTS = told_of_events()
DEVICES = {*FAILURES.values(), "DeviceFailed"}
SAID = {one.__name__ for one in (Said, SaidPartly, SaidCut)}
USED = {site.event for site in SITES} - {""} | set(EVENTS) | set(LOSSES) | SAID | DEVICES
FAULTS = {site.event for site in SITES if site.is_fault} | {kind for kind, level in EVENTS.items() if level >= 30}
FAULTS |= set(LOSSES) | DEVICES


def test_each_id_is_one_of_128_bits_and_nobody_elses():
    assert len(set(MESSAGE_IDS.values())) == len(MESSAGE_IDS)
    assert [text for text in MESSAGE_IDS.values() if not re.fullmatch("[0-9a-f]{32}", text)] == []


def test_the_scan_finds_what_it_should():
    named = {site.event for site in SITES}
    assert {"Ready", "DeviceWorks", "PriceUnknown", "SessionRenewed", "ThreadDied", "BadConfiguration"} <= named
    assert len(SITES) > 60


def test_all_but_what_is_for_a_search_for_faults_names_its_kind():
    silent = [str(site) for site in SITES if site.method != "debug" and not site.named]
    assert silent == [], "log it with extra=fields(event=…), and see CONTRIBUTING.md: add a journal entry"


def test_every_kind_in_the_code_has_an_id():
    assert USED - set(MESSAGE_IDS) == set(), "add them to speakerd/service/message_ids.py"


def test_every_id_is_in_use():
    assert set(MESSAGE_IDS) - USED == set()


def test_what_somebody_may_have_to_mend_is_explained_and_nothing_else():
    assert {entry.name for entry in ENTRIES} == FAULTS - {""} | WONDERS, "systemd/speakerd.catalog"


def test_every_trouble_with_the_service_has_its_own_explanation():
    assert {kind_of(trouble) for trouble in Trouble} <= {entry.name for entry in ENTRIES}
    for code, trouble in CODES.items():
        assert failure(code, "", "It ended").kind == kind_of(trouble)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_explanation_is_whole(entry):
    assert entry.message_id == MESSAGE_IDS[entry.name]
    assert set(entry.headers) == {"Subject", "Defined-By", "Support"}
    assert entry.headers["Defined-By"] == "speakerd"
    assert 10 <= len(entry.headers["Subject"]) <= 72
    assert not entry.headers["Subject"].endswith(".")
    assert len(entry.body) >= 100
    assert max(map(len, entry.body.splitlines())) <= 78
    assert not any(line[:1] in "#;" for line in entry.body.splitlines() if line), "that would be a comment"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_what_an_explanation_fills_in_is_always_given(entry):
    wanted = set(re.findall(r"@SPEAKERD_(\w+)@", entry.body))
    assert set(re.findall(r"@(\w+)@", entry.body)) == {f"SPEAKERD_{name}" for name in wanted}
    if entry.name in EVENTS:  # of the conversation, or of a failed response: `test_reporter` sees their fields
        assert wanted <= {"CODE"}
        assert not (wanted and entry.name not in {kind_of(trouble) for trouble in Trouble})
        return
    if entry.name in DEVICES:
        assert wanted <= {"DEVICE", "TROUBLE"}
    if entry.name in LOSSES:
        assert wanted <= {name.upper() for name in LOSSES[entry.name]}
    for site in SITES:
        if site.event == entry.name:
            assert wanted <= site.fields | ALWAYS, str(site)


def test_the_settings_that_are_named_exist():
    sections = Config.model_fields
    for section, key in re.findall(r"\b([a-z]+)\.([a-z_]{3,})\b", CATALOG.read_text()):
        if section in sections:
            assert key in sections[section].annotation.model_fields, f"{section}.{key}"


def test_the_settings_of_the_unit_that_are_named_exist():
    unit = (ROOT / "systemd" / "speakerd.service").read_text()
    bodies = "\n".join(entry.body for entry in ENTRIES)
    named = set(re.findall(r"\b[A-Z][a-z]+[A-Z]\w*|\b[A-Z][a-z]\w*=[\w-]+", bodies)) - set(MESSAGE_IDS)
    assert named
    assert [one for one in named if not re.search(rf"^{one}(?![\w-])", unit, re.MULTILINE)] == []


def test_the_documents_that_are_named_exist():
    for name in re.findall(r"docs/\w[\w-]*\.md", CATALOG.read_text()):
        assert (ROOT / name).is_file(), name


def test_the_commands_that_are_named_exist():
    from speakerd.cli import VERBS

    for verb in re.findall(r"^\s+sudo speakerd (\w+)", CATALOG.read_text(), re.MULTILINE):
        assert verb in VERBS, verb


class Kept(logging.Handler):
    """Keeps what it is handed."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


needs_journalctl = pytest.mark.skipif(shutil.which("journalctl") is None, reason="no journalctl here")


def journalctl(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["journalctl", f"--root={root}", *arguments], capture_output=True, encoding="utf-8", timeout=20, check=False
    )


def offered(root: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Put a catalog where the installer puts it, below `root`, and have it read."""
    (place,) = set(re.findall(r"\S+/catalog/speakerd\.catalog$", INSTALLER.read_text(), re.MULTILINE))
    (root / place[1:]).parent.mkdir(parents=True)
    (root / place[1:]).write_text(text)
    (root / "var/lib/systemd/catalog").mkdir(parents=True)
    return journalctl(root, "--update-catalog")


@needs_journalctl
def test_journalctl_takes_the_catalog_and_finds_every_entry(tmp_path: Path):
    done = offered(tmp_path, CATALOG.read_text())
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    listed = journalctl(tmp_path, "--list-catalog").stdout
    assert len(listed.splitlines()) == len(ENTRIES)
    dumped = journalctl(tmp_path, "--dump-catalog").stdout
    for entry in ENTRIES:
        assert f"{entry.message_id} speakerd: {entry.headers['Subject']}" in listed
        assert entry.body in dumped


@needs_journalctl
def test_journalctl_refuses_a_catalog_that_is_broken(tmp_path: Path):
    """It is no referee that lets everything pass."""
    done = offered(tmp_path, "-- 0123\n" + CATALOG.read_text())
    assert done.returncode != 0 or done.stderr != ""


def test_the_scan_would_find_an_entry_without_a_kind():
    assert Site.of('log.warning("Something is wrong.")').named is False
    assert Site.of('log.warning("Something is wrong.", extra=fields(event="Ready", device=1))').fields == {
        "EVENT",
        "DEVICE",
    }


def fields_of_events() -> set[str]:
    """Fields of the conversation's own entries, and of what is measured."""
    kept = Kept()
    logger = logging.getLogger("speakerd.service")
    logger.addHandler(kept)
    level, propagates = logger.level, logger.propagate
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        one = Reporter(None, Notifier(), lambda: {})
        for event in (
            ev.WakeDetected("alexa", 0.9, 1),
            ev.SessionReady(1),
            ev.SessionEnded(1, "tls_failed"),
            ev.BargeInDetected(1, -30.0),
        ):
            one.observe(event, State.IDLE, State.CONNECTING, 1.0)
        one.echo(ev.EchoMeasured(1.0, 2.0, 3.0, 4.0))
    finally:
        logger.removeHandler(kept)
        logger.setLevel(level)
        logger.propagate = propagates
    return {name.upper() for record in kept.records for name in fields_of(record)}


def test_the_document_lists_every_field_and_no_other():
    text = (ROOT / "docs" / "journal.md").read_text()
    section = text[text.index("## Fields") : text.index("## Kinds of entries")]
    rows = re.findall(r"^\| (`[A-Z`_ ]+`) \|", section, re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"[A-Z_]+", row)}
    listed |= set(re.findall(r"^\| `([A-Z_]+_MS)` \|", text, re.MULTILINE))
    times = {"TURN", "INTERRUPTED", "FALSE_INTERRUPTIONS", *(name.upper() for name in TIMES)}
    lost = {name.upper() for names in LOSSES.values() for name in names}
    used = {name for site in SITES for name in site.fields} | fields_of_events() | times | lost
    assert used | {"LEFT_OUT", "TROUBLE"} == listed, "docs/journal.md, Fields"


def test_the_document_lists_every_kind_with_its_id():
    text = (ROOT / "docs" / "journal.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| (.*?) \| `([0-9a-f]{32})` \|$", text, re.MULTILINE)
    assert {name: message_id for name, _, message_id in listed} == MESSAGE_IDS
    assert {name for name, what, _ in listed if what.startswith("**")} == {entry.name for entry in ENTRIES}
    for entry in ENTRIES:
        assert f"| `{entry.name}` | **{entry.headers['Subject']}** |" in text
