"""Bodies of requests about storms."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

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

    @field_validator("name")
    @classmethod
    def _is_one_line(cls, name: str) -> str:
        # It heads the tables that robots post: a second line would look like a row of them.
        if not name.isprintable():
            raise ValueError("a name has 1 to 64 printable characters")
        return name


class StormCases(_Body):
    """Cases that are put into a storm, or taken out of it."""

    add: tuple[_CaseId, ...] = Field(default=(), max_length=2000)
    remove: tuple[_CaseId, ...] = Field(default=(), max_length=2000)

    @model_validator(mode="after")
    def _says_what_is_meant(self) -> StormCases:
        if not self.add and not self.remove:
            raise ValueError("name cases to add or to remove")
        if not set(self.add).isdisjoint(self.remove):
            raise ValueError("a case is added or removed, not both")
        return self


class StormEnd(_Body):
    """The end of a storm, and why."""

    reason: str = Field(min_length=1, max_length=2000, pattern=r"\S")
