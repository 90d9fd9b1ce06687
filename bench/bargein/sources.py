"""Which Debian packages the sounds come from, what each is used for, and under which licence it stands."""

from __future__ import annotations

from dataclasses import dataclass

TRAIN, TUNE, TEST = "train", "tune", "test"


@dataclass(frozen=True)
class Source:
    """Recordings of one kind inside one package."""

    package: str
    pattern: str
    """Glob inside the unpacked package."""
    kind: str
    """voice | noise | animal | tap | music."""
    speaker: str = "{parent}"
    """For voices: who speaks. {parent}: the folder; {suffix}: the language at the end of the name."""
    split: str = ""
    """train | tune | test; empty: decided by the speaker, or by a hash of the name."""
    skip: str = ""
    """A regular expression of names to leave out."""


_SPOKEN = "Yoohoo|hell_|homerun|sudden|hogchant|countdown|extratime|denied|custom|Kiss|Hellish|invuln|duck_die|skip"

_CRIED = "die|hit|laugh|groan|human|scream|ugg|wail|zombie|chat|holy"

_PEOPLE = (
    "hurt|die|death|pain|scream|laugh|grunt|groan|taunt|voice|news|radio|crowd|cheer|nono|intro|lovin|denube|ugh|wee|_pa"
    "|restaurant|yahoo|hoho|santa|ooof|ow_|woohoo|holy|spree|penalty|beamup|facedown|killteam|phantom|hunt|thief|cloak|dog|^[0-9]+\\.|Music|foule|yipee|ohno|go"
)

_BEASTS = "chicken|bull|cow|pig|dragon|carpet|ghost|behemoth"

SOURCES = (
    Source("klettres-data", "usr/share/klettres/*/*/*.ogg", "voice", "klettres-{grandparent}"),
    Source("ktuberling-data", "usr/share/ktuberling/sounds/*/*.*", "voice", "ktuberling-{parent}", skip="theme$"),
    Source("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps/**/*_desc*.ogg", "voice", "tuxpaint-{suffix}"),
    Source("hedgewars-data", "usr/share/games/hedgewars/Data/Sounds/voices/*/*.ogg", "voice", "hedgewars-{parent}"),
    Source("asterisk-core-sounds-fr-g722", "usr/share/asterisk/sounds/**/*.g722", "voice", "asterisk-fr", TRAIN),
    Source("asterisk-core-sounds-ru-g722", "usr/share/asterisk/sounds/**/*.g722", "voice", "asterisk-ru", TRAIN),
    Source("asterisk-core-sounds-it-g722", "usr/share/asterisk/sounds/**/*.g722", "voice", "asterisk-it", TUNE),
    Source(
        "megaglest-data",
        "**/factions/*/units/*/sounds/*_[as][ce][kl]*.wav",
        "voice",
        "glest-{grandparent}",
        TRAIN,
        _BEASTS,
    ),
    Source("planetblupi-common", "**/sound/[!e]*/*.wav", "voice", "blupi-{parent}", TRAIN),
    Source("gcin-voice", "**/*.ogg", "voice", "gcin", TRAIN),
    Source("alsa-utils", "**/*.wav", "voice", "alsa", TRAIN, skip="Noise"),
    Source("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps/[!as]*/**/*.ogg", "noise", skip="_desc|roll-call"),
    Source("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps/[!as]*/**/*.wav", "noise", skip="_desc"),
    Source("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps/a*/**/*.ogg", "animal", skip="_desc"),
    Source("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps/a*/**/*.wav", "animal", skip="_desc"),
    Source(
        "wesnoth-1.16-data", "**/sounds/**/*.*", "noise", skip="die|hit|laugh|groan|human|scream|ugg|wail|zombie|chat"
    ),
    Source("hedgewars-data", "usr/share/games/hedgewars/Data/Sounds/*.ogg", "noise", skip=_SPOKEN),
    Source("warmux-data", "usr/share/games/warmux/sound/default/weapons/**/*.ogg", "noise"),
    Source("colobot-common-sounds", "**/sounds/*.*", "noise"),
    Source("sonic-pi-samples", "**/*.flac", "noise", skip="drum|bd_|sn_|perc|tabla|loop|guit|vocal|mehackit|choir|vox"),
    Source("supertux-data", "**/sounds/**/*.*", "noise"),
    Source("lincity-ng-data", "**/sounds/*.*", "noise"),
    Source("extremetuxracer-data", "**/sounds/*.*", "noise"),
    Source("tuxpaint-data", "**/sounds/*.*", "noise"),
    Source("freedroid-data", "**/sound/*.*", "noise"),
    Source("tuxfootball", "**/sound/*.*", "noise"),
    Source("hydrogen-drumkits", "**/drumkits/**/*.*", "tap"),
    Source("supertux-data", "**/music/**/*.*", "music"),
    Source("bucklespring-data", "**/*.wav", "tap"),
    Source("sonic-pi-samples", "**/*.flac", "tap", skip="^(?!drum|bd_|sn_|perc)"),
    Source("frozen-bubble-data", "**/*.ogg", "tap", skip="frozen|introzik|music|frozen-mainzik"),
    Source("wesnoth-1.16-music", "**/*.ogg", "music"),
    Source("hedgewars-data", "usr/share/games/hedgewars/Data/Music/*.ogg", "music"),
    Source("freedroidrpg-data", "**/music/**/*.ogg", "music"),
    Source("widelands-data", "**/data/sound/[!a]*/**/*.ogg", "noise", skip="tavern|animal|cow|pig|sheep"),
    Source("widelands-data", "**/data/sound/animals/*.ogg", "animal"),
    Source("supertuxkart-data", "**/data/sfx/*.ogg", "noise", skip=_PEOPLE),
    Source("endless-sky-data", "**/sounds/*.wav", "noise"),
    Source("scorched3d-data", "**/data/wav/*/*.wav", "noise", skip=_PEOPLE),
    Source("lugaru-data", "**/Sounds/*.ogg", "noise", skip=_PEOPLE + "|Rabbit|Bark"),
    Source("torcs-data", "**/data/sound/*.wav", "noise"),
    Source("ufoai-sound", "**/sound/ambience/*.ogg", "noise", skip=_PEOPLE + "|tv|speak|alien"),
    Source("ufoai-sound", "**/sound/[fgimuw]*/*.ogg", "noise", skip=_PEOPLE),
    Source("megaglest-data", "**/commondata/sounds/*.wav", "noise", skip="^(?!catapult|anvil|air_|arrow|golem_w|orni)"),
    Source("openarena-data", "z/sound/w*/**/*.wav", "noise", skip="1shot|growl|greg"),
    Source("openarena-data", "z/sound/[im]*/**/*.wav", "noise", skip="pkup"),
    Source("enigma-data", "**/*.wav", "noise"),
    Source("wordwarvi-sound", "**/*.ogg", "noise", skip=_PEOPLE + "|up_here|down_here|spine|Source|burns|shot|mono"),
    Source("heroes-sound-effects", "**/*.wav", "noise", skip=_PEOPLE),
    Source("bzflag-data", "**/*.wav", "noise", skip=_PEOPLE),
    Source("starfighter-data", "**/*.ogg", "noise", skip=_PEOPLE),
    Source("crrcsim-data", "**/sounds/*.wav", "noise"),
    Source("sound-icons", "**/*.wav", "noise"),
    Source("sound-theme-freedesktop", "**/*.oga", "noise", skip="channel|speaker"),
    Source("yaru-theme-sound", "**/*.oga", "noise", skip="channel|speaker|audio-test"),
    Source("deepin-sound-theme", "**/*.wav", "noise"),
    Source("lomiri-sounds", "**/lomiri/**/*.ogg", "noise"),
    Source("psi-plus-sounds", "**/*.wav", "noise"),
    Source("pidgin-data", "**/*.wav", "noise"),
    Source("widelands-data", "**/data/music/*.ogg", "music"),
    Source("supertuxkart-data", "**/data/music/*.ogg", "music", skip="cocoa"),
    Source("lugaru-data", "**/Sounds/Music*.ogg", "music"),
    # Whole packages that tuning alone hears.
    Source("minetest-data", "**/sounds/*.ogg", "noise", split=TUNE, skip=_PEOPLE + "|player_damage"),
    Source("unknown-horizons", "**/audio/sounds/*.ogg", "noise", split=TUNE, skip="sheep|tavern|square|warehouse"),
    Source("freedink-data", "**/Sound/*.wav", "noise", split=TUNE, skip=_PEOPLE),
    Source("oxygen-sounds", "**/*.ogg", "noise", split=TUNE),
    Source("unknown-horizons", "**/audio/music/*.ogg", "music", split=TUNE),
    # Heard in the test alone.
    Source("scratch", "**/Sounds/Human/*.*", "noise", split=TEST, skip="Scream|Laugh|Baby|Party"),
    Source("scratch", "**/Sounds/Effects/*.*", "noise", split=TEST),
    Source("scratch", "**/Sounds/Animal/*.*", "animal", split=TEST),
    Source("freedroidrpg-data", "**/effects/*.*", "noise", split=TEST, skip="Scream|Thou"),
    Source("lmms-common", "usr/share/lmms/samples/drums/*.ogg", "tap", split=TEST),
    Source("asc-music", "**/*.ogg", "music", split=TEST),
    Source("colobot-common-sounds", "**/music/*.*", "music", split=TEST),
)

TUNE_LANGUAGES = {"da", "el", "pt_BR", "pt", "ro", "hu", "ga"}
"""People who speak these are heard in tuning, never in training: the same person may have recorded for two packages."""

TUNE_SPEAKERS = {"hedgewars-British", "hedgewars-Mobster", "hedgewars-Surfer"}


def packages() -> list[str]:
    """Names of all packages, each once."""
    return sorted({source.package for source in SOURCES})
