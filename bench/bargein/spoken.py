"""What flite and espeak-ng say: short words and commands for the user, sentences for the assistant."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from bench.bargein.sources import TEST, TRAIN, TUNE

SHORT = "stop|no|wait|stop it|hold on|hey|okay|enough|quiet|cancel|pause|yes|sorry|thanks|louder|next|shut up|no wait"
COMMANDS = (
    "what time is it|turn on the kitchen light|set a timer for ten minutes|that is not what I meant|play some jazz"
    "|could you say that again please|no I wanted the other one|add milk and bread to the list|who wrote that book"
    "|tell me about the weather tomorrow|stop talking for a moment|wait I have another question|call my mother"
    "|make it a bit warmer in the living room|never mind forget about it|which bus goes to the station"
)
SENTENCES = (
    "The weather today is mostly cloudy, with a chance of light rain in the afternoon."
    "|I have set a timer for ten minutes, and I will tell you when it is done."
    "|Would you like me to add milk and bread to your shopping list?"
    "|The meeting starts at half past nine, and your first call is with the design team."
    "|Once upon a time there was a small lighthouse at the edge of the sea."
    "|Its keeper knew the name of every ship that passed during the long winter nights."
    "|To make the sauce, melt the butter slowly, stir in the flour, and add the milk little by little."
    "|The train to the airport leaves every twenty minutes from platform four."
    "|Scientists believe that the oldest trees in this forest are more than two thousand years old."
    "|I am sorry, I did not find anything under that name. Could you say it again?"
    "|Here is a short summary of the news. The council voted to build a new bridge over the river."
    "|You can plant tomatoes as soon as the nights stay above ten degrees."
)
_ESPEAK_VARIANTS = [
    "m1",
    "m2",
    "m3",
    "m4",
    "m5",
    "m6",
    "m7",
    "m8",
    "f1",
    "f2",
    "f3",
    "f4",
    "f5",
    "Alex",
    "Alicia",
    "Andrea",
    "Annie",
    "Denis",
    "Diogo",
    "Gene",
    "Henrique",
    "Hugo",
    "Jacky",
    "Lee",
    "Marco",
    "Mario",
    "Michael",
    "Mike",
    "Nguyen",
    "adam",
    "anika",
    "antonio",
    "aunty",
    "belinda",
    "benjamin",
    "boris",
    "caleb",
    "david",
    "ed",
    "edward",
    "grandma",
    "grandpa",
    "iven",
    "john",
    "linda",
    "max",
    "michel",
    "miguel",
    "norbert",
    "pablo",
    "paul",
    "pedro",
    "quincy",
    "rob",
    "robert",
    "sandro",
    "shelby",
    "steph",
    "travis",
    "victor",
    "zac",
]
_ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "de", "fr-fr", "es", "it", "nl", "sv", "pl", "cs", "pt-br")
_FLITE = {"kal16": TRAIN, "awb": TRAIN, "rms": TRAIN, "slt": TUNE, "kal": TRAIN}

Utterance = tuple[str, str, list[str], str]
"""Split, speaker, command line with {out} for the output file, text."""


def utterances() -> Iterator[Utterance]:
    """Everything that is to be spoken; the same list each time."""
    rng = random.Random(7)
    for voice, split in _FLITE.items():
        for text in itertools.chain(SHORT.split("|"), COMMANDS.split("|"), SENTENCES.split("|")):
            stretch = rng.choice(["0.85", "1.0", "1.15"])
            command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}", "-o", "{out}", "-t"]
            yield split, f"flite-{voice}", command, f"{text}"
    for number, variant in enumerate(_ESPEAK_VARIANTS):
        split = (TUNE, TEST)[number % 2] if number % 5 == 0 else TRAIN
        texts = (
            rng.sample(SHORT.split("|"), 9) + rng.sample(COMMANDS.split("|"), 4) + rng.sample(SENTENCES.split("|"), 4)
        )
        for text in texts:
            accent = rng.choice(_ACCENTS[:3] if rng.random() < 0.6 else _ACCENTS)
            speed, pitch = str(rng.randint(130, 210)), str(rng.randint(30, 70))
            command = ["espeak-ng", "-v", f"{accent}+{variant}", "-s", speed, "-p", pitch, "-w", "{out}"]
            yield split, f"espeak-{variant}", command, text
