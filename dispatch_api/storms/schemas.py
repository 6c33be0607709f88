"""Bodies of requests about storms."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_CaseId = Annotated[str, Field(max_length=32)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewStorm(_Body):
    """A storm that somebody begins.

    Attributes:
        name: What people call it.
        case_ids: Its cases; left out, all open cases of its families that came in within the time in which a storm is
            suggested.
    """

    name: str = Field(min_length=1, max_length=64, pattern=r"\S")
    case_ids: tuple[_CaseId, ...] | None = Field(default=None, max_length=2000)


class StormCases(_Body):
    """Cases that are put into a storm, or taken out of it."""

    add: tuple[_CaseId, ...] = Field(default=(), max_length=2000)
    remove: tuple[_CaseId, ...] = Field(default=(), max_length=2000)


class StormEnd(_Body):
    """The end of a storm, and why."""

    reason: str = Field(min_length=1, max_length=2000, pattern=r"\S")
