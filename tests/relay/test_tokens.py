"""Tokens: what is kept of them, and that it is not the token."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from speakerd.purse.budget import Limits
from speakerd.relay.tokens import Token, digest_of, dump, new_secret, parse

TOKEN = Token(
    name="kitchen",
    digest=digest_of("spk-" + 43 * "a"),
    created="2026-11-23T02:00:00+00:00",
    models=("a", "b"),
    voices=("marin",),
    per_day_usd=Decimal("0.10"),
    per_month_usd=Decimal(0),
    max_sessions=2,
    revoked=True,
)


def test_a_secret_is_long_and_fits_a_header_and_a_subprotocol() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(re.fullmatch(r"spk-[A-Za-z0-9_-]{43}", secret) for secret in secrets)


def test_what_is_kept_does_not_hold_the_secret() -> None:
    secret = new_secret()
    token = Token(name="x", digest=digest_of(secret), created="")
    assert secret not in dump(token) + repr(token)
    assert len(token.digest) == 64


@pytest.mark.parametrize("secret", ["", "short", "ä" * 30, "a b" * 20, "a" * 201, "a\n" * 20])
def test_what_can_be_no_secret_has_no_digest(secret: str) -> None:
    assert digest_of(secret) == ""


def test_a_record_comes_back_as_it_was() -> None:
    assert parse(dump(TOKEN)) == TOKEN
    bare = Token(name="x", digest="d", created="c")
    assert parse(dump(bare)) == bare
    assert set(re.findall(r'"(\w+)":', dump(bare))) == {"name", "digest", "created"}


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "nothing",
        '{"name":1,"digest":"d","created":"c"}',
        '{"name":"a b","digest":"d","created":"c"}',
        '{"name":"x","digest":"d","created":"c","per_day_usd":"-1"}',
        '{"name":"x","digest":"d","created":"c","per_day_usd":"NaN"}',
        '{"name":"x","digest":"d","created":"c","per_day_usd":"much"}',
        '{"name":"x","digest":"d","created":"c","voices":[1]}',
        '{"name":"x","digest":"d","created":"c","max_sessions":"2"}',
        '{"name":"x","digest":"d","created":"c","revoked":"no"}',
    ],
)
def test_what_is_no_record(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


def test_limits_of_its_own_stand_over_the_usual_ones() -> None:
    usual = Limits(Decimal(1), Decimal(2))
    bare = Token(name="x", digest="d", created="c")
    assert bare.limits(usual) == usual
    assert TOKEN.limits(usual) == Limits(Decimal("0.10"), None), "0: none"
