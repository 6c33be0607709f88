"""What requests about receivers and deliveries carry."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from dispatch_api.deliveries.channels import ReceiverKind
from dispatch_api.deliveries.phrases import Language


class ReceiverIn(BaseModel):
    """A receiver to add; see `NewReceiver`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64)
    kind: ReceiverKind = ReceiverKind.WEBHOOK
    url: str = Field(max_length=2048)
    secret: str | None = Field(default=None, max_length=200)
    departments: tuple[str, ...] | None = Field(default=None, max_length=200)
    with_below: bool = Field(
        default=False, description="whether it gets the messages of all departments below its own too"
    )
    types: tuple[str, ...] | None = Field(default=None, max_length=50)
    quota_per_minute: int | None = Field(default=None, ge=1, le=6000)
    language: Language = Field(default=Language.ZH, description="what people read whom a robot or a mail tells")


class Why(BaseModel):
    """Why something is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(min_length=1, max_length=400)


class Below(BaseModel):
    """Whether a receiver gets the messages of all departments below its own too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    with_below: bool


class Reads(BaseModel):
    """What the people of a receiver read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Language


class Rotation(BaseModel):
    """How long the present secret signs along with the new one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    overlap_hours: float = Field(default=24.0, ge=0, le=720)


class Replay(BaseModel):
    """Dead deliveries of a receiver; with `since` also those that were delivered from then on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    receiver: str = Field(min_length=1, max_length=64)
    since: datetime | None = None
