"""The configuration as frozen models, one a section; the text under each field is its documentation.

Pure: nothing here reads a file or the environment (that is `config.load`). Every part of the
daemon receives only its own section.
"""

from __future__ import annotations

from speakerd.config.model.records import Log, Purse, Transcripts
from speakerd.config.model.relay import Relay
from speakerd.config.model.section import Section
from speakerd.config.model.service import Realtime, Server, TurnDetection
from speakerd.config.model.skills import McpServer, Skills
from speakerd.config.model.sound import Audio, Sounds
from speakerd.config.model.talk import BargeIn, Conversation, Detector, Persona, Wake, WakeWord

__all__ = [
    "Audio",
    "BargeIn",
    "Config",
    "Conversation",
    "Detector",
    "Log",
    "McpServer",
    "Persona",
    "Purse",
    "Realtime",
    "Relay",
    "Section",
    "Server",
    "Skills",
    "Sounds",
    "Transcripts",
    "TurnDetection",
    "Wake",
    "WakeWord",
]


class Config(Section):
    """All of it."""

    audio: Audio = Audio()
    wake: Wake = Wake()
    realtime: Realtime = Realtime()
    conversation: Conversation = Conversation()
    sounds: Sounds = Sounds()
    server: Server = Server()
    skills: Skills = Skills()
    purse: Purse = Purse()
    transcripts: Transcripts = Transcripts()
    relay: Relay = Relay()
    log: Log = Log()
