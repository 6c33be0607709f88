"""Bodies of requests about joint visits."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dispatch_api.visits.model import LineResult

MOST_CASES = 50
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Share = Annotated[float, Field(ge=0, le=1)]
_Stroke = Annotated[tuple[tuple[_Share, _Share], ...], Field(min_length=1, max_length=500)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewVisit(_Body):
    """A visit that somebody plans.

    Attributes:
        day: The city's day.
        case_ids: Open cases of one place.
        departments: Only these departments' tasks; left out, all of them.
    """

    day: date
    case_ids: tuple[Annotated[str, Field(max_length=32)], ...] = Field(min_length=1, max_length=MOST_CASES)
    departments: tuple[Annotated[str, Field(max_length=64)], ...] | None = Field(
        default=None, min_length=1, max_length=50
    )


class VisitChange(_Body):
    """A wanted change of a visit's state."""

    to: str = Field(max_length=32)
    reason: str = Field(default="", max_length=2000)


class LineReport(_Body):
    """What a department reports of one of its lines.

    Attributes:
        result: What came of it.
        note: In words.
        checks: By key of the checklist's points, what was found: in order, not in order, or not to be looked at.
        pictures: SHA-256 of originals that belong to the case.
    """

    result: LineResult
    note: str = Field(default="", max_length=2000)
    checks: dict[Annotated[str, Field(max_length=32)], Literal["ok", "problem", "not_applicable"]] = Field(
        default_factory=dict, max_length=50
    )
    pictures: tuple[_Sha256, ...] = Field(default=(), max_length=50)


class Signature(_Body):
    """Somebody signs for a department, or for the centre.

    Attributes:
        name: Who, in letters.
        form: Whether the name stands for the signature, or it was drawn.
        strokes: Of a drawn one: lines of points (x, y), shares of the field's width and height from its upper left.
    """

    name: str = Field(min_length=1, max_length=64)
    form: Literal["typed", "drawn"]
    strokes: tuple[_Stroke, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _has_what_its_form_needs(self) -> Signature:
        if not self.name.strip() or not self.name.isprintable():
            raise ValueError("a name has 1 to 64 printable characters")
        if (self.form == "drawn") != bool(self.strokes):
            raise ValueError("a drawn signature has strokes, and a typed one has none")
        if sum(len(stroke) for stroke in self.strokes) > 3000:
            raise ValueError("a drawn signature has at most 3,000 points")
        return self


class ActCode(_Body):
    """The code of an administrative act (行政行为码); only its form is looked at."""

    code: str = Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z-]{5,39}$")
