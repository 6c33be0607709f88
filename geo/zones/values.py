"""Values of fields as cities write them: codes as numbers and in wide digits, dates in many forms, none ambiguous."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from typing import Any

# Year first in all of them: 01/03/2026 is two days, depending on who reads it.
_DATES = (
    re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?"),
    re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?: .*)?"),
    re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日?"),
    re.compile(r"(\d{4})(\d{2})(\d{2})"),
)
_DAY_OF_YEAR = re.compile(r"(?:每年)?(\d{1,2})(?:-|月)(\d{1,2})日?")


def text_of(value: Any) -> str | None:  # noqa: ANN401 - whatever a field holds
    """A value as text, trimmed, whole numbers without a point; None for nothing."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split()) or None


def code_of(value: Any) -> str | None:  # noqa: ANN401 - whatever a field holds
    """A code: as text, with digits of all widths as plain ones and without spaces; None for nothing."""
    text = text_of(value)
    return None if text is None else unicodedata.normalize("NFKC", text).replace(" ", "")


def day_of(value: Any) -> date | None:  # noqa: ANN401 - whatever a field holds
    """A day; None for nothing.

    Raises:
        ValueError: It is no day that is written with the year first.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = code_of(value) if not isinstance(value, str) else unicodedata.normalize("NFKC", value).strip()
    if not text:
        return None
    for form in _DATES:
        if found := form.fullmatch(text):
            try:
                return date(*map(int, found.groups()))
            except ValueError:
                break
    raise ValueError(f"{value!r} is not a date")


def month_day_of(value: Any) -> str | None:  # noqa: ANN401 - whatever a field holds
    """A day of every year as `MM-DD`; None for nothing.

    Raises:
        ValueError: It is no month and day, month first.
    """
    if isinstance(value, date):
        return f"{value:%m-%d}"
    text = code_of(value)
    if not text:
        return None
    if found := _DAY_OF_YEAR.fullmatch(text):
        month, day = map(int, found.groups())
        try:
            # A year with a 29 February.
            return f"{date(2024, month, day):%m-%d}"
        except ValueError:
            pass
    raise ValueError(f"{value!r} is not a month and a day")


def names_of(value: Any) -> list[str] | None:  # noqa: ANN401 - whatever a field holds
    """Several names: a list, or a text with commas or semicolons between them; None for nothing."""
    if isinstance(value, (list, tuple)):
        parts = [text_of(one) for one in value]
    else:
        text = text_of(value)
        parts = [] if text is None else [text_of(one) for one in re.split(r"[,;，；、]", text)]
    return [one for one in parts if one] or None
