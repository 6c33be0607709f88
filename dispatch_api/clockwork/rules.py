"""Escalation (督办) as configuration: what happens when which share of a clock has run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from dispatch_api.cases.clocks import Clock, ClockText
from dispatch_api.cases.model import Colour
from dispatch_api.configuration import ConfigurationModel, Name


class Running(StrEnum):
    """The clocks that steps go by."""

    T1 = "t1"
    T2 = "t2"
    T3 = "t3"
    VERIFY = "verify"


class Audience(StrEnum):
    """Who hears of a step."""

    HANDLER = "handler"
    LEADER = "leader"
    CENTRE = "centre"


class EscalationStep(ConfigurationModel):
    """What happens once a share of a clock has run.

    Attributes:
        key: Its name in the history; unique.
        of: Which clock: t1 (the centre reviews), t2 (the department signs), t3 (it disposes), `verify`
            (the centre checks what was reported done).
        at: The share of it; 1.5 is half as long again.
        text: What people read.
        colour: The case becomes at least this urgent.
        overdue: The case is marked overdue (超期).
        supervise: A numbered notice (督办) is written.
        tell: Who hears of it.
    """

    key: str = Field(pattern=r"^[a-z_]+$", max_length=24)
    of: Running
    at: float = Field(gt=0, le=10)
    text: Name
    colour: Colour | None = None
    overdue: bool = False
    supervise: bool = False
    tell: tuple[Audience, ...] = Field(min_length=1)


class QuietHours(ConfigurationModel):
    """The part of a day in which only red is told; may run over midnight. `first` and `last` alike mean never."""

    first: time = time(22)
    last: time = time(7)

    def has(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether a moment (aware) lies in it."""
        here = at.astimezone(zone).time()
        if self.first <= self.last:
            return self.first <= here < self.last
        return here >= self.first or here < self.last

    def end(self, at: datetime, zone: ZoneInfo) -> datetime:
        """When the quiet hours that a moment lies in are over."""
        here = at.astimezone(zone)
        end = here.replace(hour=self.last.hour, minute=self.last.minute, second=self.last.second, microsecond=0)
        return end if end > here else end + timedelta(days=1)


def _default_steps() -> tuple[EscalationStep, ...]:
    def step(key: str, of: Running, at: float, zh: str, en: str, *tell: Audience, **more: object) -> EscalationStep:
        values = {"key": key, "of": of, "at": at, "text": Name(zh=zh, en=en), "tell": tell, **more}
        return EscalationStep.model_validate(values)

    handler, leader, centre = Audience
    return (
        step("unreviewed", Running.T1, 1.0, "核实超时", "Review overdue", centre),
        step("unsigned", Running.T2, 1.0, "签收超时", "Not signed in time", leader, centre),
        step("half", Running.T3, 0.5, "处置时限已过半", "Half of the time is over", handler),
        step("nearly", Running.T3, 0.8, "即将超期", "Nearly overdue", handler, leader, colour="yellow"),
        step("overdue", Running.T3, 1.0, "处置超期", "Overdue", handler, leader, centre, colour="red", overdue=True),
        step("supervised", Running.T3, 1.5, "超期督办", "Supervised: overdue", leader, centre, supervise=True),
        step("unverified", Running.VERIFY, 1.0, "核查超时", "Verification overdue", centre),
    )


class Escalation(ConfigurationModel):
    """All of it.

    Attributes:
        author: Who set it up.
        quiet: When green and yellow wait.
        verify: How long the centre may take to verify what was reported done.
        supervise_at_rework: From this rework on a numbered notice is written.
        steps: What happens when.
    """

    author: str = "flyonce defaults"
    quiet: QuietHours = QuietHours()
    verify: ClockText = Clock.parse("1wd")
    supervise_at_rework: int = Field(default=2, ge=1)
    steps: tuple[EscalationStep, ...] = Field(default_factory=_default_steps)

    @model_validator(mode="after")
    def _has_no_two_steps_of_one_name(self) -> Escalation:
        keys = [step.key for step in self.steps]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise ValueError(f"the step {twice!r} is there twice")
        return self

    def step(self, key: str) -> EscalationStep | None:
        """The step of that name, if the configuration (still) has it."""
        return next((step for step in self.steps if step.key == key), None)

    def steps_of(self, running: Running) -> Sequence[EscalationStep]:
        """The steps of a clock, in the order in which they come."""
        return sorted((step for step in self.steps if step.of is running), key=lambda step: step.at)
