"""Real clients through the relay to the embedded server: our own daemon's link, npm's, and a browser's page.

The openai Python client is in tests/test_porter.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.relay_rig import Rig, Start
from support.relay_rig import until as until_true

from speakerd.config.model import Realtime, Server
from speakerd.conversation.events import ResponseEnded, SessionReady, UserSpeechStopped
from speakerd.pcm import WIRE_RATE_HZ, Samples, to_bytes
from speakerd.realtime.link import Link
from speakerd.realtime.outputs import ItemAudio
from speakerd.realtime.settings import session_settings
from speakerd.server.embedded import serve_embedded
from speakerd.server.voice import Voice

HERE = Path(__file__).parent
NODE_MODULES = HERE.parents[1] / "requirements" / "node" / "node_modules"
"""npm's packages `openai` and `ws`: `script/setup dev` puts them there."""
NODE = shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")


@pytest.fixture(scope="module")
def question() -> Samples:
    """`What is six times seven?`, 24 kHz, a second of silence on both sides."""
    quiet = np.zeros(WIRE_RATE_HZ, np.int16)
    return np.concatenate([quiet, Voice("rms").synthesise("What is six times seven?", WIRE_RATE_HZ), quiet])


@pytest.fixture
async def embedded() -> AsyncIterator[str]:
    async with serve_embedded(Server(voice="rms")) as url:
        yield url


async def test_our_own_daemons_link_converses_through_it(start: Start, embedded: str, question: Samples) -> None:
    """With its token as key: asked aloud, answered aloud, and billed."""
    async with start(url=embedded) as rig:
        secret = await rig.token(models=("gpt-realtime-2.1-mini",), voices=("marin",))
        realtime = Realtime(url=rig.url)
        settings = session_settings(realtime, transcripts=False)
        outputs: asyncio.Queue[Any] = asyncio.Queue()
        sound = bytearray()

        async def until(kind: type) -> Any:
            async with asyncio.timeout(20):
                while not isinstance(output := await outputs.get(), kind):
                    if isinstance(output, ItemAudio):
                        sound.extend(output.pcm)
            return output

        async with asyncio.TaskGroup() as tasks:
            link = Link(realtime, rig.url, settings, lambda: secret, tasks, outputs.put_nowait, lambda _report: None)
            link.open(1)
            await until(SessionReady)
            pcm = to_bytes(question)
            for offset in range(0, len(pcm), 1920):
                link.append_audio(pcm[offset : offset + 1920])
                await asyncio.sleep(0.002)
            await until(UserSpeechStopped)
            await until(ResponseEnded)
            assert len(sound) > WIRE_RATE_HZ, "half a second of an answer"
            link.stop()
        await until_true(lambda: len(rig.ended) == 1)
        (talk,) = rig.ended
        assert (talk.token.name, talk.responses, talk.ended_by) == ("kitchen", 1, "client")


# ---------------------------------------------------------------- npm


def run_node(script: Path, *arguments: str, certificate: Path) -> subprocess.CompletedProcess[str]:
    """`script`, with npm's packages and a certificate to trust."""
    return subprocess.run(
        [NODE or "node", str(script), *arguments],
        cwd=NODE_MODULES.parent,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(certificate)},
        capture_output=True,
        encoding="utf-8",
        timeout=55,
        check=False,
    )


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost, and its key."""
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    files = ["-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(["openssl", "req", *kind, *subject, *files], check=True, capture_output=True)
    return paths


@contextlib.asynccontextmanager
async def over_tls(start: Start, embedded: str, certificate: tuple[Path, Path]) -> AsyncIterator[Rig]:
    """Npm's `openai` connects by TLS alone."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    async with start(url=embedded, tls=context) as rig:
        yield rig


@pytest.fixture
def node() -> None:
    if NODE is None or not (NODE_MODULES / "ws").is_dir():
        pytest.skip("needs node, and npm's packages in requirements/node: script/setup dev")


@pytest.mark.parametrize("way", ["ws", "websocket"], ids=["by header", "by subprotocol"])
async def test_npms_openai_converses_through_it(
    node: None, start: Start, embedded: str, certificate: tuple[Path, Path], way: str
) -> None:
    """`ws` sets the header; `websocket` is what the package does in browsers, with the token as a subprotocol."""
    async with over_tls(start, embedded, certificate) as rig:
        secret = await rig.token()
        base = f"https://localhost:{rig.port}/v1"
        done = await asyncio.to_thread(run_node, HERE / "npm_client.mjs", base, secret, way, certificate=certificate[0])
        assert done.returncode == 0, done.stdout + done.stderr
        assert "42" in done.stdout


@pytest.mark.shared
async def test_the_rigs_npm_driver_passes_every_step_through_it(
    node: None,
    shared: Path,
    start: Start,
    embedded: str,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = shared / "rig" / "realtime" / "drive_openai_node.mjs"
    if not driver.exists():
        pytest.skip("needs the drivers in ../shared")
    async with over_tls(start, embedded, certificate) as rig:
        monkeypatch.setenv("OPENAI_API_KEY", await rig.token())
        done = await asyncio.to_thread(run_node, driver, f"https://localhost:{rig.port}/v1", certificate=certificate[0])
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("PASS") >= 8
        assert "FAIL" not in done.stdout


# ---------------------------------------------------------------- a browser


class Site:
    """Serves a page and its sound on loopback, and takes what the page has to say."""

    def __init__(self, page: bytes, sound: bytes) -> None:
        site = self
        self.said: list[dict[str, Any]] = []
        self.told = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = ("audio/wav", sound) if self.path == "/question.wav" else ("text/html", page)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                site.said.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()
                site.told.set()

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@contextlib.contextmanager
def serving(site: Site) -> Iterator[None]:
    thread = threading.Thread(target=site.server.serve_forever, args=(0.05,))  # noqa: TID251 - a test's
    thread.start()
    try:
        yield
    finally:
        site.server.shutdown()
        thread.join()
        site.server.server_close()


@contextlib.contextmanager
def chromium(url: str, profile: Path) -> Iterator[None]:
    """A browser on `url`, headless, that knows no other address than this machine's."""
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-sync", "--disable-component-update"]
    here = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    process = subprocess.Popen(
        [
            CHROMIUM or "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={profile}",
            *quiet,
            here,
            url,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


async def test_a_page_converses_through_it_with_the_browsers_own_websocket(
    start: Start, embedded: str, question: Samples, tmp_path: Path
) -> None:
    """No headers can be set there: the token is a subprotocol. A typed question, then a recording; answers in text."""
    if CHROMIUM is None:
        pytest.skip("needs chromium-headless-shell or chromium")
    with wave.open(str(tmp_path / "question.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(WIRE_RATE_HZ)
        file.writeframes(to_bytes(question))
    async with start(url=embedded) as rig:
        page = (HERE / "page.html").read_text().replace("RELAY", f"ws://127.0.0.1:{rig.port}/api/realtime")
        page = page.replace("TOKEN", await rig.token("browser"))
        site = Site(page.encode(), (tmp_path / "question.wav").read_bytes())
        with serving(site), chromium(site.url, tmp_path / "profile"):
            assert await asyncio.to_thread(site.told.wait, 50), "the page said nothing"
        (said,) = site.said
        assert said["errors"] == []
        assert said["subprotocol"] == "realtime"
        assert "42" in said["typed"]
        assert "42" in said["spoken"]
        assert rig.house.metrics.started == 1
