"""The wits."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speakerd.server.settings import FunctionTool, NamedTool
from speakerd.server.wits.decide import decide, dictated
from speakerd.server.wits.heard import Memory, without_wake_word
from speakerd.server.wits.outputs import answer_from_output
from speakerd.server.wits.story import STORIES

NOW = datetime(2026, 12, 31, 15, 7)


def answer(heard: str, now: datetime, memory: Memory) -> str:
    return decide(heard, now, memory).words


@pytest.mark.parametrize(
    ("heard", "reply"),
    [
        ("What time is it?", "It is 3:07 PM."),
        ("what's the time", "It is 3:07 PM."),
        ("Hey Jarvis, what time is it?", "It is 3:07 PM."),
        ("H. R. Miss, what time is it?", "It is 3:07 PM."),
        ("Can you tell me the time please?", "It is 3:07 PM."),
        ("Time, please.", "It is 3:07 PM."),
        ("What's the date to-day?", "Today is Thursday, December 31, 2026."),
        ("What is the date of day?", "Today is Thursday, December 31, 2026."),
        ("What day is it?", "Today is Thursday, December 31, 2026."),
        ("What day is tomorrow?", "Tomorrow is Friday, January 1."),
        ("What is seventeen plus twenty five?", "17 plus 25 is 42."),
        ("Alexa, what is 3 times 4?", "3 times 4 is 12."),
        ("Stop.", "Okay."),
        ("Step,", "Okay."),
        ("Thank you.", "You are welcome."),
        ("Goodbye!", "Goodbye."),
        ("Hello.", "Hello. What can I do for you?"),
        ("Jarvis.", "Yes?"),
        ("Bake me a cake. Now!", "I did not understand. I heard: Bake me a cake, Now."),
    ],
)
def test_replies(heard: str, reply: str):
    assert answer(heard, NOW, Memory()) == reply


@pytest.mark.parametrize(
    ("hour", "minute", "said"), [(0, 0, "midnight"), (12, 0, "noon"), (9, 0, "9 o'clock"), (0, 5, "12:05 AM")]
)
def test_hours_are_said_as_people_do(hour: int, minute: int, said: str):
    assert said in answer("what time is it", NOW.replace(hour=hour, minute=minute), Memory())


def test_what_it_can_do_is_what_it_does():
    reply = answer("What can you do?", NOW, Memory())
    for word in ("time", "date", "sums", "story", "repeat"):
        assert word in reply


def test_it_repeats_what_it_said():
    memory = Memory()
    assert answer("repeat that", NOW, memory) == "I have not said anything yet."
    said = answer("what is 2 plus 2", NOW, memory)
    assert answer("Jarvis, repeat that please", NOW, memory) == said
    assert answer("what did you say", NOW, memory) == said


def test_it_tells_another_story_next_time():
    memory = Memory()
    told = [answer("Tell me a long story.", NOW, memory) for _ in STORIES]
    assert sorted(told) == sorted(STORIES)


def test_noise_is_answered_once():
    memory = Memory()
    assert [bool(answer(text, NOW, memory)) for text in ("", "...", " ")] == [True, False, False]
    assert answer("Thank you", NOW, memory)
    assert answer("", NOW, memory)


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        ("Hey Jarvis, what time is it?", "what time is it?"),
        ("Jarvis what time is it?", "what time is it?"),
        ("Alexa. Stop.", "Stop."),
        ("Travis, stop", "stop"),
        ("Okay Nabu, stop", "stop"),
        ("H. R. V. What time is it?", "What time is it?"),
        ("Hey, what's up?", "Hey, what's up?"),
        ("What did Alexa say?", "What did Alexa say?"),
    ],
)
def test_the_rest_of_a_wake_word_is_cut_off(heard: str, words: str):
    assert without_wake_word(heard) == words


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ('{"sky": "sunny", "temp_c": 20}', "Sky: sunny, temp c: 20."),
        ('{"time": "10:15"}', "10:15."),
        ("It is raining!", "It is raining!"),
        ('["a", true, null]', "A, yes, nothing."),
        ("", "That is done."),
        ("{}", "That is done."),
        ("[" * 100_000, "[" * 600 + "."),
    ],
)
def test_outputs_of_functions_are_said(output: str, said: str):
    assert answer_from_output(output) == said


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str):
    answer(text, NOW, Memory())
    assert answer_from_output(text)


LAMP = FunctionTool(name="switch_lamp", parameters={"type": "object", "properties": {}})


def test_it_says_what_it_can_do_here():
    reply = decide("What can you do?", NOW, Memory(), [FunctionTool(name="set_volume"), LAMP]).words
    assert "change the volume and switch lamp" in reply


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("What is the weather tomorrow?", "I cannot look up the weather."),
        ("Play some music", "I cannot play music."),
        ("Set a timer for ten minutes", "I cannot set timers, alarms and reminders."),
        ("Turn on the light", "I cannot switch anything in the house."),
        ("Who is the president of France?", "I cannot look that up."),
        ("Are you connected to the internet?", "No. I work on this device alone, without the internet."),
    ],
)
def test_what_it_cannot_do_it_refuses_honestly(said: str, reply: str):
    assert answer(said, NOW, Memory()).startswith(reply)


def test_what_a_function_can_do_is_not_refused():
    assert decide("Turn on the lamp", NOW, Memory(), [LAMP]).call is not None
    assert decide("Turn on the lamp", NOW, Memory(), [LAMP], "none").call is None


def test_the_clients_choice_of_a_function_comes_first():
    chosen = decide("What time is it?", NOW, Memory(), [LAMP], NamedTool(type="function", name="switch_lamp"))
    assert chosen.call is not None
    assert decide("", NOW, Memory(), [LAMP], "required").call is not None


@pytest.mark.parametrize(
    ("microsecond", "coin", "die"), [(0, "Heads.", "1."), (10, "Tails.", "2."), (50, "Tails.", "6.")]
)
def test_chance(microsecond: int, coin: str, die: str):
    now = NOW.replace(microsecond=microsecond)
    assert answer("Flip a coin", now, Memory()) == coin
    assert answer("Roll a die", now, Memory()) == die


def test_spelling():
    assert answer("How do you spell necessary?", NOW, Memory()) == "necessary: N, E, C, E, S, S, A, R, Y."


def test_words_that_instructions_dictate():
    assert dictated('Say exactly: "Dinner is ready."') == "Dinner is ready."
    assert dictated("Be brief.") == ""


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ('{"currency": "US dollars", "today": {"spent": "0.42", "limit": "1.00"}, "this_month": {"spent": "3.10"}}',
         "Today I have cost 0.42 US dollars, of at most 1.00. This month I have cost 3.10 US dollars."),
        ('{"seconds_of_sound_sent": 12, "bytes_sent": 800000, "conversations": 2, "each_conversation": []}',
         "Today 12 seconds of sound were sent, 0.8 megabytes, in 2 conversations."),
        ('{"seconds_of_sound_sent": 12, "bytes_sent": "many"}', "Seconds of sound sent: 12, bytes sent: many."),
    ],
)  # fmt: skip
def test_accounts_are_told_as_people_would(output: str, said: str):
    assert answer_from_output(output) == said
