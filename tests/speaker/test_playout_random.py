"""Whatever is pushed, paused, cut and dropped, in any order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.numbered import PERIOD, RATE, Room, sound

STEPS = st.one_of(
    st.tuples(st.just("push"), st.sampled_from(["same", "next"]), st.integers(1, 3000)),
    st.tuples(st.just("tick"), st.just(""), st.integers(1, 12)),
    st.tuples(st.just("end"), st.just(""), st.just(0)),
    st.tuples(st.just("flush"), st.just(""), st.integers(0, 4 * PERIOD)),
    st.tuples(st.just("flush"), st.just("fading"), st.just(0)),
    st.tuples(st.just("pause"), st.just(""), st.just(0)),
    st.tuples(st.just("resume"), st.just(""), st.just(0)),
)


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(STEPS, max_size=40), prefill_ms=st.sampled_from([0, 20, 60]))
def test_nothing_is_lost_repeated_or_invented(steps, prefill_ms):
    room = Room(prefill_ms)
    item, expected, complete = 0, [], set()
    for verb, which, amount in steps:
        if verb == "push":
            if which == "next":
                complete.add(f"i{item}")
                item += 1
            room.push(f"i{item}", amount)
        elif verb == "tick":
            room.tick(amount)
        elif verb == "end":
            room.playout.end_response()
            complete.update(room.pushed)
            item += 1
        elif verb in ("pause", "resume"):
            room.playout.paused = verb == "pause"
        else:
            cut = room.fade_and_flush() if which else room.flush(min(amount, len(room.queue)))
            for one in cut:
                received = len(room.pushed[one.item_id])
                assert one.heard_ms == room.heard_of(one.item_id) * 1000 // RATE
                assert one.heard_ms <= one.received_ms == received * 1000 // RATE
            told = {one.item_id for one in cut}
            for item_id, numbers in room.pushed.items():
                whole = room.heard_of(item_id) == len(numbers)
                assert item_id not in told or not (whole and item_id in complete)
                if item_id not in told and item_id not in expected:
                    assert whole
                expected.append(item_id)
            item += 1
        assert room.playout.playing or not sound(room.queue)
        assert not (room.playout.playing and room.playout.paused) or sound(room.queue)
    everything = [number for numbers in room.pushed.values() for number in numbers]
    positions = {number: place for place, number in enumerate(everything)}
    places = [positions[number] for number in sound(room.heard + room.queue)]
    assert places == sorted(set(places)), "in order, each sample once at most"
    for item_id, numbers in room.pushed.items():  # within an item, no hole
        own = [number for number in sound(room.heard + room.queue) if number in set(numbers)]
        assert own == numbers[: len(own)], item_id


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(STEPS, max_size=40), prefill_ms=st.sampled_from([0, 20, 60]))
def test_every_end_is_followed_by_one_drained_when_all_is_silent(steps, prefill_ms):
    room = Room(prefill_ms)
    owed = False
    for verb, which, amount in steps:
        drained, played = room.drained, len(room.started)
        if verb == "push":
            room.push("a", amount)
        elif verb == "tick":
            for _ in range(amount):
                before, started = room.drained, len(room.started)
                sounding = room.playout.playing
                room.tick()
                if room.drained > before:
                    assert not sound(room.queue)
                    assert not room.playout.waiting_frames
                    assert owed or sounding or len(room.started) > started
                    owed = False
        elif verb == "end":
            room.playout.end_response()
            owed = True
        elif verb in ("pause", "resume"):
            room.playout.paused = verb == "pause"
        else:
            room.fade_and_flush() if which else room.flush(min(amount, len(room.queue)))
            owed = False
        assert verb == "tick" or (room.drained, len(room.started)) == (drained, played)
    room.playout.paused = False
    drained = room.drained
    room.playout.end_response()
    room.tick(60 + room.playout.waiting_frames // PERIOD)
    assert room.drained == drained + 1
    assert not room.playout.playing
