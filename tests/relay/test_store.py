"""One suite for every store: a folder, and a real Redis."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from support.relay_rig import make_token

from speakerd.relay.local import LocalStore
from speakerd.relay.store import LEASE_S, Admission, Lease, Receipt, Spent, Store, StoreAwayError

DAY = date(2026, 11, 23)
Advance = Callable[[float], None]


@pytest.fixture(params=["local", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "local":
        yield LocalStore(tmp_path / "relay", lambda: 1000.0)
        return
    server = request.getfixturevalue("redis_server")
    from speakerd.relay.redis_store import RedisStore

    one = RedisStore(server.url)
    yield one
    await one.close()


def lease(session: str = "s1", name: str = "kitchen", most: int = 2, per_minute: int = 0) -> Lease:
    return Lease(session, name, f"digest of {name}", most, per_minute)


def receipt(number: str, usd: str, day: date = DAY, name: str = "kitchen") -> Receipt:
    return Receipt(number, name, day, Decimal(usd))


async def test_a_token_is_found_by_its_digest_with_all_its_rights(store: Store) -> None:
    token = make_token(
        "kitchen",
        "spk-" + 43 * "a",
        models=("m",),
        voices=("marin", "cedar"),
        per_day_usd=Decimal("0.50"),
        max_sessions=3,
    )
    assert await store.find(token.digest) is None
    assert await store.tokens() == []
    assert await store.add(token)
    assert await store.find(token.digest) == token
    assert await store.tokens() == [token]


async def test_a_name_is_used_once_at_a_time(store: Store) -> None:
    first, second = (make_token("kitchen", "spk-" + 43 * letter) for letter in "ab")
    assert await store.add(first)
    assert not await store.add(second)
    assert await store.revoke("kitchen")
    assert await store.add(second)
    assert [token.revoked for token in await store.tokens()].count(True) == 1


async def test_a_revoked_token_is_known_as_such(store: Store) -> None:
    token = make_token("kitchen", "spk-" + 43 * "a")
    await store.add(token)
    assert await store.revoke("kitchen")
    assert not await store.revoke("kitchen")
    assert not await store.revoke("nobody")
    found = await store.find(token.digest)
    assert found is not None
    assert found.revoked


async def test_so_many_sessions_at_a_time_and_no_more(store: Store) -> None:
    assert await store.admit(lease("s1")) is Admission.GRANTED
    assert await store.admit(lease("s2")) is Admission.GRANTED
    assert await store.admit(lease("s3")) is Admission.TOO_MANY
    assert await store.admit(lease("s2")) is Admission.GRANTED, "the same again is no other"
    assert await store.admit(lease("s3", name="bath")) is Admission.GRANTED, "another token's are its own"
    await store.release(lease("s1"))
    await store.release(lease("s1"))
    assert await store.admit(lease("s3")) is Admission.GRANTED


async def test_a_crowd_at_once_gets_no_more_than_there_is(store: Store) -> None:
    answers = await asyncio.gather(*(store.admit(lease(f"s{number}", most=5)) for number in range(30)))
    assert answers.count(Admission.GRANTED) == 5


async def test_so_many_starts_a_minute_and_no_more(store: Store) -> None:
    for number in range(3):
        assert await store.admit(lease(f"s{number}", most=9, per_minute=3)) is Admission.GRANTED
    assert await store.admit(lease("s3", most=9, per_minute=3)) is Admission.TOO_OFTEN
    assert await store.admit(lease("s3", name="bath", most=9, per_minute=3)) is Admission.GRANTED


async def test_who_is_refused_for_the_number_of_sessions_has_not_used_up_a_start(store: Store) -> None:
    assert await store.admit(lease("s1", most=1, per_minute=2)) is Admission.GRANTED
    for _ in range(5):
        assert await store.admit(lease("s2", most=1, per_minute=2)) is Admission.TOO_MANY
    await store.release(lease("s1"))
    assert await store.admit(lease("s2", most=1, per_minute=2)) is Admission.GRANTED


async def test_renewing_counts_sessions_that_the_store_has_forgotten(store: Store) -> None:
    assert await store.renew([lease("s1"), lease("s2")]) == set()
    assert await store.admit(lease("s3")) is Admission.TOO_MANY


async def test_renewing_tells_whose_token_was_revoked_and_not_whose_is_missing(store: Store) -> None:
    token = make_token("kitchen", "spk-" + 43 * "a")
    await store.add(token)
    mine = Lease("s1", "kitchen", token.digest, 2, 0)
    assert await store.renew([mine, lease("s2", name="forgotten")]) == set()
    await store.revoke("kitchen")
    assert await store.renew([mine, lease("s2", name="forgotten")]) == {token.digest}
    assert await store.renew([]) == set()


async def test_sums_by_day_and_month_are_exact(store: Store) -> None:
    assert await store.spent("kitchen", DAY) == Spent()
    await store.spend(receipt("1", "0.000000060"))
    await store.spend(receipt("2", "0.1"))
    await store.spend(receipt("3", "2", date(2026, 11, 1)))
    await store.spend(receipt("4", "5", date(2026, 10, 31)))
    await store.spend(receipt("5", "7", name="bath"))
    assert await store.spent("kitchen", DAY) == Spent(Decimal("0.10000006"), Decimal("2.10000006"))
    assert await store.spent("bath", DAY) == Spent(Decimal(7), Decimal(7))


async def test_a_receipt_counts_once_however_often_it_is_handed_in(store: Store) -> None:
    for _ in range(3):
        await store.spend(receipt("1", "0.25"))
    assert (await store.spent("kitchen", DAY)).day == Decimal("0.25")


async def test_closing_twice_does_no_harm(store: Store) -> None:
    await store.find("x")
    await store.close()
    await store.close()


async def test_a_dead_relays_sessions_are_free_again_when_their_lease_is_over(tmp_path: Path) -> None:
    now_s = 1000.0
    store = LocalStore(tmp_path, lambda: now_s)
    assert await store.admit(lease("s1", most=1)) is Admission.GRANTED
    now_s += LEASE_S - 0.1
    assert await store.admit(lease("s2", most=1)) is Admission.TOO_MANY
    now_s += 0.2
    assert await store.admit(lease("s2", most=1)) is Admission.GRANTED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_a_token_that_root_adds_belongs_to_the_relay(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    store = LocalStore(tmp_path / "relay", lambda: 0.0)
    await store.add(make_token("kitchen", "spk-" + 43 * "a"))
    for path in (tmp_path / "relay", tmp_path / "relay" / "tokens.json"):
        assert path.stat().st_uid == 12345
        assert path.stat().st_mode & 0o077 == 0


async def test_a_file_that_is_none_is_a_store_that_is_away(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, lambda: 0.0)
    for text in ("{", "[1]", '[{"name":"x"}]', '{"a": 1}', "7"):
        (tmp_path / "tokens.json").write_text(text)
        with pytest.raises(StoreAwayError, match="is damaged: "):
            await store.find("x")
    (tmp_path / "tokens.json").unlink()
    assert await store.find("x") is None


async def test_tokens_that_another_process_changes_are_seen_at_once(tmp_path: Path) -> None:
    relay, tool = (LocalStore(tmp_path, lambda: 0.0) for _ in range(2))
    token = make_token("kitchen", "spk-" + 43 * "a")
    assert await relay.find(token.digest) is None
    await tool.add(token)
    assert await relay.find(token.digest) == token
    await tool.revoke("kitchen")
    found = await relay.find(token.digest)
    assert found is not None
    assert found.revoked
