"""What all sections have in common."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=200)]

PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Section(BaseModel):
    """Base of all sections: frozen, strict about unknown keys and about types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)
