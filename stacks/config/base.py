"""What every configuration model shares: frozen, no unknown keys, typed instance types and days."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """A configuration model: immutable, and a key that it does not know is an error, not a typo lost."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


InstanceType = Annotated[
    str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$", json_schema_extra={"example": "ml.m5.xlarge"})
]
Days = Annotated[int, Field(ge=1, le=3650)]
