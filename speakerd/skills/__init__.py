"""What the assistant can do on this device. A skill of one's own is a function marked with `@skill`."""

from speakerd.skills.skill import SkillError, skill

__all__ = ["SkillError", "skill"]
