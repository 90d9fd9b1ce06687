"""`speakerd doctor`: why does it not answer?"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import click

from speakerd.cli.devices import quiet_libraries
from speakerd.config.credentials import ApiKey
from speakerd.config.load import read
from speakerd.config.model import Config
from speakerd.doctor.finding import Finding, any_problem
from speakerd.doctor.patient import Patient
from speakerd.doctor.probes.keys import find_key
from speakerd.doctor.report import as_json, lines, summary
from speakerd.doctor.visit import visit
from speakerd.errors import EXIT_FAILED, EXIT_OK, ConfigError

NICE = -11
"""The unit's: sound is measured with the priority that the service has."""
INSTALLED = Path("/etc/speakerd/speakerd.yaml")


@click.command("doctor")
@click.option(
    "--config",
    type=click.Path(readable=False, path_type=Path),
    help="YAML file; without it, the installed one if there is one, else defaults and environment.",
)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object instead of text.")
@click.option("--quick", is_flag=True, help="Leave out what makes sound and listens: a few seconds instead of 15.")
@click.option("--before-start", is_flag=True, hidden=True, help="Of `setup`: say nothing of the service.")
def command(config: Path | None, as_json_: bool, quick: bool, before_start: bool) -> None:
    """Examine everything that speakerd needs, and tell what is wrong, why it matters, and what mends it.

    It plays three rising tones and some noise, and listens to them. The report can be pasted into a bug report: no key,
    address or name of yours is in it, and nothing that was said. Exit status 1 if there is a problem.
    """
    if config is None and INSTALLED.exists():
        config = INSTALLED
    with contextlib.suppress(OSError):  # not root: then as it is
        os.setpriority(os.PRIO_PROCESS, 0, min(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    with quiet_libraries():
        told = (lambda _: None) if as_json_ else _tell
        findings = visit(_patient(config), quick=quick, before_start=before_start, told=told)
    if as_json_:
        click.echo(as_json(findings))
    else:
        click.echo(f"\n{summary(findings)}")
    sys.stdout.flush()
    # A check that hangs was left behind in its thread: the interpreter would wait for what hangs in a library.
    os._exit(EXIT_FAILED if any_problem(findings) else EXIT_OK)


def _patient(config: Path | None) -> Patient:
    reading = read(config, os.environ)
    key: ApiKey | None = None
    hidden, mistakes = False, reading.lines()
    try:
        key, hidden = find_key(os.environ)
    except ConfigError as error:
        mistakes.append(str(error))
    name = str(config) if config is not None else "The defaults"
    return Patient(
        reading.config or Config(),
        key,
        os.environ,
        config_name=name,
        mistakes=tuple(mistakes),
        key_hidden=hidden,
    )


def _tell(finding: Finding) -> None:
    encoding = sys.stdout.encoding or "ascii"
    for line in lines(finding):
        click.echo(line.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()
