"""The skills that every speaker has. Pure: what they do, they do through ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field

from speakerd.skills.ports import ClockPort, EndPort, Ports, PursePort, VolumePort
from speakerd.skills.skill import Skill, SkillError, skill

Percent = Annotated[int, Field(ge=0, le=100, description="New volume, 0 to 100.")]
Change = Annotated[
    int, Field(ge=-100, le=100, description="Louder by so much; negative for quieter. About 10 if unsaid.")
]
Zone = Annotated[str, "Time zone of another place, such as Asia/Tokyo. Leave out for the time here."]


def built_in(ports: Ports) -> list[Skill]:
    """The skills that these ports allow."""
    return list(_built_in(ports))


def _built_in(ports: Ports) -> Iterator[Skill]:
    if ports.end is not None:
        yield _end(ports.end)
    if ports.clock is not None:
        yield _clock(ports.clock)
    if ports.volume is not None:
        yield _volume(ports.volume)
        yield _mute(ports.volume)
    if ports.purse is not None:
        yield _costs(ports.purse)
        yield _sent(ports.purse)


def _end(port: EndPort) -> Skill:
    @skill(wants_reply=False)
    async def end_conversation() -> str:
        """End the conversation. Call it when the user says goodbye or wants you to stop; say goodbye first."""
        port()
        return "The conversation ends."

    return Skill.of(end_conversation)


def _clock(port: ClockPort) -> Skill:
    async def time_and_date(time_zone: Zone | None = None) -> str:
        """Tell the time of day, the day of the week and the date."""
        now = port()
        if not time_zone:
            return f"{now:%H:%M on %A, %d %B %Y} (UTC{now:%z})"
        try:
            there = now.astimezone(ZoneInfo(time_zone))
        except (KeyError, ValueError, OSError) as error:  # unknown; no name; a folder
            raise SkillError(
                f"There is no time zone {time_zone[:60]!r}; they are called like Europe/Berlin."
            ) from error
        return f"{there:%H:%M on %A, %d %B %Y} (UTC{there:%z}) in {time_zone}"

    return Skill.of(time_and_date)


def _volume(port: VolumePort) -> Skill:
    def set_volume(percent: Percent | None = None, change: Change | None = None) -> str:
        """Set the loudspeaker's volume, or make it louder or quieter. Without arguments: tell the volume."""
        now = port.volume_percent()
        wanted = percent if percent is not None else min(100, max(0, now + (change or 0)))
        if wanted != now:
            port.set_volume_percent(wanted)
        muted = "; the loudspeaker is muted" if port.is_muted() else ""
        return f"The volume is {wanted} percent{muted}."

    return Skill.of(set_volume)


def _mute(port: VolumePort) -> Skill:
    def mute_loudspeaker(muted: Annotated[bool, "False to let it sound again."]) -> str:
        """Silence the loudspeaker until it is unmuted. You go on hearing the user, but the user does not hear you."""
        port.set_muted(muted)
        return "The loudspeaker is muted." if muted else f"It sounds again, at {port.volume_percent()} percent."

    return Skill.of(mute_loudspeaker)


def _costs(port: PursePort) -> Skill:
    def what_did_it_cost() -> Mapping[str, Any]:
        """Tell what the assistant has cost today and this month, and the limits."""
        return port.costs()

    return Skill.of(what_did_it_cost)


def _sent(port: PursePort) -> Skill:
    def what_was_sent_today() -> Mapping[str, Any]:
        """Tell how much sound and data of this room was sent over the network today, for questions about privacy."""
        return port.sent_today()

    return Skill.of(what_was_sent_today)
