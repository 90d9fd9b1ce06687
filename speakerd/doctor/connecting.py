"""The checks of the way to the service. The second is of use only where the first found a name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from speakerd.config.model import Server
from speakerd.doctor.finding import Finding, notice, ok, problem
from speakerd.doctor.judges import network as judge
from speakerd.doctor.patient import Patient
from speakerd.doctor.probes import network as probe
from speakerd.errors import SpeakerdError
from speakerd.pcm import WIRE_RATE_HZ
from speakerd.realtime.failures import explain
from speakerd.server.ears import Ears
from speakerd.server.voice import make_voice

OPENAI_HOST = "api.openai.com"


class Connecting:
    """One way, step by step."""

    def __init__(self, patient: Patient) -> None:
        self._realtime, self._key = patient.config.realtime, patient.key
        self._server = patient.config.server
        self._way = probe.Way.of(self._realtime.url)
        self._resolve_ms, self._families = 0.0, ""
        self.stuck = False
        """There is no use in going on."""

    def check_name(self) -> Iterator[Finding]:
        """Is there a service to look for, and is its name known?"""
        if self._realtime.url == "embedded":
            self.stuck = True
            yield from check_embedded(self._server, alone=True)
            return
        if probe.proxy_for(self._realtime.url):
            yield notice(
                judge.NETWORK,
                "A proxy leads to the server, so its name and certificate are not examined from here.",
                "The proxy must let websockets through.",
                "env | grep -i _proxy",
            )
            return
        self.stuck = True  # until it answers: a resolver may hang
        try:
            self._resolve_ms, self._families = probe.resolve(self._way)
        except (OSError, UnicodeError) as error:
            fatal = explain(error)
            yield judge.unreachable(fatal.code, fatal.message)
            yield from judge.clock(None, probe.synchronised())
            return
        self.stuck = False

    def check_stand_in(self) -> Iterator[Finding]:
        """Of the embedded server, where it is to answer in the place of another."""
        if self._realtime.url != "embedded" and self._realtime.fallback == "embedded":
            yield from check_embedded(self._server, alone=False)

    def late_name(self) -> Finding:
        """What to say if `check_name` hangs."""
        return judge.unreachable("dns_failed", "no name server answers in time")

    def check_service(self) -> Iterator[Finding]:
        """Connection, certificate, clock, model, session."""
        if self.stuck:
            return
        if self._families:
            try:
                connect_ms = self._connect()
            except ssl.SSLCertVerificationError as error:
                skew_s = probe.skew_of_stranger(self._way)
                yield judge.refused_certificate(error.verify_code, error.verify_message, skew_s)
                yield from judge.clock(skew_s, probe.synchronised())
                return
            except OSError as error:
                fatal = explain(error)
                yield judge.unreachable(fatal.code, fatal.message)
                yield from judge.clock(None, probe.synchronised())
                return
            yield judge.reached(self._resolve_ms, connect_ms, self._families, self._way.encrypted)
        if self._needs_key() and self._key is None:
            return  # said already; without it there is nothing to ask
        answer, skew_s = probe.ask_model(self._realtime, self._key)
        yield from judge.clock(skew_s, probe.synchronised())
        of_model = judge.model(answer, self._realtime.model, openai=self._needs_key())
        yield from of_model
        if any(finding.level != "ok" for finding in of_model):
            return
        seconds, ended = probe.open_session(self._realtime, self._key)
        yield judge.session(seconds) if ended is None else judge.unreachable(ended.error, ended.message)

    def _connect(self) -> float:
        try:
            return probe.connect(self._way)
        except ssl.SSLCertVerificationError:
            raise
        except OSError:  # once is no proof
            return probe.connect(self._way)

    def _needs_key(self) -> bool:
        return urlsplit(self._realtime.url).hostname == OPENAI_HOST


def check_embedded(server: Server, *, alone: bool) -> Iterator[Finding]:
    """Are its ears and its voice there? It says a word, which nobody hears. `alone`: nobody else answers."""
    try:
        Ears()
        make_voice(server).synthesise("One.", WIRE_RATE_HZ)
    except SpeakerdError as error:
        why = "Nobody answers." if alone else "While the service cannot be reached, nobody answers in its place."
        yield (problem if alone else notice)(
            judge.REALTIME, f"{error.args[0]}.", why, error.hint or "sudo script/install"
        )
        return
    if alone:
        yield ok(judge.REALTIME, "The embedded server answers: no network, no key and no clock are needed.")
    else:
        yield ok(judge.REALTIME, "The embedded server is ready to answer while the service cannot be reached.")
