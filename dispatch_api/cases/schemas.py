"""Bodies of requests about cases and tasks."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dispatch_api.cases.flags import Flag


class Split(BaseModel):
    """Observations that turn out to be another thing.

    Attributes:
        observations: Their keys; at least one of the case's stays.
        reason: Why.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    observations: tuple[str, ...] = Field(min_length=1, max_length=1000)
    reason: str = Field(max_length=2000)


class FlagChange(BaseModel):
    """A flag that somebody wants to set on a case, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flag: Flag
    reason: str = Field(max_length=2000)


class Change(BaseModel):
    """A wanted change of state, with what it may need.

    Attributes:
        to: The wanted state.
        reason: Why; needed where `allowed` says `needs_reason`.
        reason_code: One of the `reason_codes` that `allowed` names, for `rejected`; it stands for a reason by itself.
        lead: Key of the leading department, for `dispatched`.
        co: Keys of the departments that help, for `dispatched`.
        until: The new date, for `suspended`.
        duplicate_of: The case that this one is the same as, for `merged`.
        department: The department that takes over, for a task's `handed_on`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: str = Field(max_length=32)
    reason: str = Field(default="", max_length=2000)
    reason_code: str | None = Field(default=None, max_length=32)
    lead: str | None = Field(default=None, max_length=64)
    co: tuple[str, ...] = Field(default=(), max_length=20)
    until: AwareDatetime | None = None
    duplicate_of: str | None = Field(default=None, max_length=32)
    department: str | None = Field(default=None, max_length=64)
