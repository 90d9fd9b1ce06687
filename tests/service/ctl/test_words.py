"""Every request and answer survives the wire; whatever else comes is answered with a sentence."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerd.service.ctl.words import (
    MAX_LINE_BYTES,
    MAX_TEXT_CHARACTERS,
    Command,
    Reply,
    Request,
    UnclearError,
    parse,
    reply_of,
    spoken,
)

REQUESTS = [
    *(Request(command) for command in Command if command is not Command.SAY),
    Request(Command.SAY, text="Es ist „spät“."),
    Request(Command.WAKE, word="alexa"),
    Request(Command.VOLUME, percent=0),
    Request(Command.VOLUME, percent=100),
    Request(Command.VOLUME, change=-100),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_a_request_survives_the_wire(request_):
    line = request_.encode()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse(line) == request_


def test_the_longest_text_fits_in_a_line_whatever_its_letters():
    line = Request(Command.SAY, text="\U0001d11e" * MAX_TEXT_CHARACTERS).encode()
    assert len(line) < MAX_LINE_BYTES
    assert len(parse(line).text) == MAX_TEXT_CHARACTERS


@pytest.mark.parametrize("reply", [Reply("Done.\nTwice."), Reply("No.", "muted", {"a": [1, None]})], ids=str)
def test_an_answer_survives_the_wire(reply):
    line = reply.encode()
    assert line.count(b"\n") == 1
    assert reply_of(line) == reply


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 8_000, "no JSON"),
        (b"9" * 8_000, "no JSON"),
        (b"[]", "an object"),
        (b"null", "an object"),
        (b'{"command": 3}', "an object"),
        (b'{"command": "explode"}', "no command 'explode'; there are status, wake"),
        (b'{"command": "stop", "text": "x"}', "stop takes no 'text'"),
        (b'{"command": "say"}', "Expected a text"),
        (b'{"command": "say", "text": " \\n "}', "Expected a text"),
        (b'{"command": "say", "text": 1}', "Expected a text as text"),
        (b'{"command": "wake", "word": {}}', "Expected a text as word"),
        (b'{"command": "volume", "percent": 101}', "a whole number from 0 to 100 as percent"),
        (b'{"command": "volume", "percent": true}', "a whole number"),
        (b'{"command": "volume", "percent": 1.5}', "a whole number"),
        (b'{"command": "volume", "change": -101}', "a whole number from -100"),
        (b'{"command": "volume", "percent": 1, "change": 1}', "not both"),
    ],
)
def test_what_is_no_request_is_told_in_a_sentence(line, told):
    with pytest.raises(UnclearError, match=told):
        parse(line)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_line_raises_anything_else(line):
    with contextlib.suppress(UnclearError):
        assert isinstance(parse(line), Request)


@pytest.mark.parametrize("line", [b"", b"[]", b"3", b"{}", b'{"ok": true}', b"\xff"])
def test_an_answer_without_sense_is_told(line):
    with pytest.raises(UnclearError):
        reply_of(line)


def test_what_is_spoken_is_one_printable_line():
    assert spoken("a\n b\x00\x1b[31mc\u2028d ") == "a b [31mc d"
    assert spoken("x" * MAX_TEXT_CHARACTERS)
    with pytest.raises(UnclearError, match="501 characters"):
        spoken("x" * (MAX_TEXT_CHARACTERS + 1))
