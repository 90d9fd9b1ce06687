"""All skills of this machine: built in, of installed packages, of the user's folder. Runs plug-ins' code."""

from __future__ import annotations

import logging
from pathlib import Path

from speakerd.config.model import Skills
from speakerd.logfields import fields
from speakerd.skills.builtin import built_in
from speakerd.skills.plugins import load_entry_points, load_folder
from speakerd.skills.ports import Ports
from speakerd.skills.registry import Registry

log = logging.getLogger(__name__)


def assemble(section: Skills, ports: Ports) -> Registry:
    """The skills that there are and that are wanted. What is wrong with one goes to the journal; never raises."""
    own = built_in(ports)
    packages = load_entry_points()
    skills, troubles = [*own, *packages.skills], packages.troubles
    if section.folder:
        folder = load_folder(Path(section.folder))
        skills, troubles = [*skills, *folder.skills], [*troubles, *folder.troubles]
    registry = Registry(skills, section.off)
    names = {skill.name for skill in skills}
    unknown = [f"skills.off: there is no skill {name}" for name in section.off if name not in names]
    for trouble in (*troubles, *registry.troubles, *unknown):
        log.warning("A skill is not as it should be: %s", trouble, extra=fields(event="SkillDoubtful", reason=trouble))
    return registry
