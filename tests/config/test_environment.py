"""Variables SPEAKERD_SECTION__KEY, laid over the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerd.config.keys import known_keys
from speakerd.config.load import load, read
from speakerd.config.model import BargeIn, Config, WakeWord


def mistakes(environ: dict[str, str]) -> list[str]:
    return read(None, environ).lines()


def test_it_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "realtime: {model: a, voice: b, turn_detection: {threshold: 0.1, silence_duration_ms: 200}}\nlog:\n"
    )
    config = load(
        path,
        {
            "SPEAKERD_REALTIME__MODEL": "c",
            "SPEAKERD_REALTIME__TURN_DETECTION__THRESHOLD": "0.9",
            "SPEAKERD_LOG__LEVEL": "debug",
        },
    )
    assert (config.realtime.model, config.realtime.voice) == ("c", "b")
    assert (config.realtime.turn_detection.threshold, config.realtime.turn_detection.silence_duration_ms) == (0.9, 200)
    assert config.log.level == "debug"


def test_a_section_in_a_variable_replaces_only_the_keys_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("realtime: {turn_detection: {threshold: 0.1, silence_duration_ms: 200}}\n")
    turns = load(path, {"SPEAKERD_REALTIME__TURN_DETECTION": "{threshold: 0.9}"}).realtime.turn_detection
    assert (turns.threshold, turns.silence_duration_ms) == (0.9, 200)


def test_values_of_every_kind() -> None:
    config = load(
        None,
        {
            "SPEAKERD_REALTIME__URL": "embedded",
            "SPEAKERD_REALTIME__MODEL": "123",
            "SPEAKERD_REALTIME__VOICE": "true",
            "SPEAKERD_REALTIME__INSTRUCTIONS": " - be: brief #\n",
            "SPEAKERD_CONVERSATION__BARGE_IN": "off",
            "SPEAKERD_TRANSCRIPTS__EVENTS": "true",
            "SPEAKERD_CONVERSATION__SILENCE_TIMEOUT_S": " 3 ",
            "SPEAKERD_AUDIO__CAPTURE_CHANNEL": "1",
            "SPEAKERD_WAKE__WORDS": "[{model: alexa, threshold: 0.3}, {model: okay_nabu}]",
            "SPEAKERD_REALTIME__TURN_DETECTION": "{threshold: 0.2, silence_duration_ms: 300}",
            "SPEAKERD_REALTIME__TURN_DETECTION__THRESHOLD": "0.8",
        },
    )
    assert config.realtime.url == "embedded"
    assert config.realtime.model == "123"
    assert config.realtime.voice == "true"
    assert config.realtime.instructions == " - be: brief #\n"
    assert config.conversation.barge_in is BargeIn.OFF
    assert config.transcripts.events is True
    assert config.conversation.silence_timeout_s == 3.0
    assert config.audio.capture_channel == 1
    assert config.wake.words == (WakeWord(model="alexa", threshold=0.3), WakeWord(model="okay_nabu"))
    assert config.realtime.turn_detection.threshold == 0.8
    assert config.realtime.turn_detection.silence_duration_ms == 300


@pytest.mark.parametrize(
    "name", ["SPEAKERD_RIG_SERVER", "SPEAKERD_AUDIO", "SPEAKERD_", "SPEAKERD", "AUDIO__CAPTURE_DEVICE"]
)
def test_variables_of_others_are_left_alone(name: str) -> None:
    assert load(None, {name: "x"}) == Config()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SPEAKERD_REALTIME__ULR", "(did you mean SPEAKERD_REALTIME__URL?)"),
        ("SPEAKERD_realtime__url", "(did you mean SPEAKERD_REALTIME__URL?)"),
        ("SPEAKERD_CONVERSATION__BARGEIN", "(did you mean SPEAKERD_CONVERSATION__BARGE_IN?)"),
        ("SPEAKERD_WAKE__WORDS__0__THRESHOLD", "(did you mean SPEAKERD_WAKE__WORDS?)"),
        ("SPEAKERD_WAKE__WORDS__*__MODEL", "(did you mean SPEAKERD_WAKE__WORDS?)"),
        ("SPEAKERD_REALTIME_VOICE", "(did you mean SPEAKERD_REALTIME__VOICE?)"),
        ("SPEAKERD_REALTIME_TURN_DETECTION_THRESHOLD", "(did you mean SPEAKERD_REALTIME__TURN_DETECTION__THRESHOLD?)"),
        ("speakerd_realtime__voice", "(did you mean SPEAKERD_REALTIME__VOICE?)"),
        ("SPEAKERD_REALTIM__VOICE", "(did you mean SPEAKERD_REALTIME__VOICE?)"),
        ("SPEAKERD_LOG__VOICE", "(did you mean SPEAKERD_REALTIME__VOICE or SPEAKERD_SERVER__VOICE?)"),
        ("SPEAKERD_QQQ__ZZZ", "(`speakerd check --schema` tells all keys)"),
        ("SPEAKERD___", "(`speakerd check --schema` tells all keys)"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, hint: str) -> None:
    (line,) = mistakes({name: "x"})
    assert line == f"environment: {name}: found a variable that is not known, expected SPEAKERD_SECTION__KEY {hint}"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "AUDIO__VOLUME_PERCENT",
            "loud",
            'audio.volume_percent: found the text "loud", expected a whole number from 0 to 100',
        ),
        ("LOG__LEVEL", "1", 'log.level: found the text "1", expected debug, info, warning or error'),
        ("AUDIO__VOLUME_PERCENT", "", "audio.volume_percent: found nothing, expected a whole number"),
        ("AUDIO__VOLUME_PERCENT", "9" * 5000, f"audio.volume_percent: found {'9' * 59}"[:90]),
        ("REALTIME__URL", "", 'realtime.url: found the text "", expected text of 1 to 200 characters'),
        ("REALTIME__URL", "ws://a\nb", 'realtime.url: found the text "ws://a\\\\nb", expected a URL without spaces'),
        ("REALTIME__VOICE", "\udcff", 'realtime.voice: found the text "\\udcff", expected text of 1 to 200 characters'),
        (
            "REALTIME__INSTRUCTIONS",
            "x" * 300_000,
            "realtime.instructions: found 300000 characters, expected text of 0 to",
        ),
        ("WAKE__WORDS", "", "wake.words: found nothing, expected a list of 1 to 20 entries"),
        ("WAKE__WORDS", "alexa", 'wake.words: found the text "alexa", expected a list of 1 to 20 entries'),
        ("WAKE__WORDS", "[{model: alexa", "wake.words: found text that is not YAML"),
        ("WAKE__WORDS", "[\udcff]", "wake.words: found a control character"),
        ("WAKE__WORDS", "[{model: alexa, treshold: 1}]", "wake.words[0].treshold: found a key that does not exist"),
        ("WAKE__WORDS", "[{model: &a alexa}]", "wake.words.model: found the anchor"),
        (
            "REALTIME__TURN_DETECTION",
            "[]",
            "realtime.turn_detection: found an empty list, expected a section with the keys",
        ),
    ],
)
def test_a_mistake_names_its_variable(name: str, value: str, expected: str) -> None:
    (line,) = mistakes({f"SPEAKERD_{name}": value})
    assert line.startswith(f"environment: SPEAKERD_{name}: {expected.replace(chr(92) * 2, chr(92))}")
    assert len(line) < 400


def test_a_key_is_sent_to_its_place_and_never_repeated() -> None:
    (line,) = mistakes({"SPEAKERD_REALTIME__API_KEY": "geheim"})
    assert line.startswith("environment: SPEAKERD_REALTIME__API_KEY: found a key that does not exist")
    assert "openai-api-key" in line
    assert "geheim" not in line


def test_a_value_below_a_wrong_section_leaves_the_mistake_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("realtime: 5\n")
    (line,) = read(path, {"SPEAKERD_REALTIME__TURN_DETECTION__THRESHOLD": "0.5"}).lines()
    assert line.startswith(f"{path}:1: realtime: found 5, expected a section")


def test_every_key_outside_lists_has_a_variable() -> None:
    names = [key.environment_name for key in known_keys().values() if len(key.path) > 1 and "*" not in key.path]
    assert all(names)
    assert len(set(names)) == len(names)
    assert "SPEAKERD_CONVERSATION__SILENCE_TIMEOUT_S" in names


@settings(max_examples=300)
@given(
    st.sampled_from([key.environment_name for key in known_keys().values() if key.environment_name])
    | st.text(max_size=20).map(lambda text: f"SPEAKERD_{text}__"),
    st.text(st.characters(), max_size=40) | st.text("[]{}:,&*!'\" \n-0123456789.eaxlmod", max_size=40),
)
def test_no_value_raises_anything_else(name: str, value: str) -> None:
    reading = read(None, {name: value})
    assert (reading.config is None) == bool(reading.lines())
    assert all(line.isprintable() for line in reading.lines())
