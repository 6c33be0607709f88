"""The cues of a DJI subtitle file: their media times, the drone's clock, and the figures in their text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

from geo.errors import InputFileError
from geo.telemetry.srt_dialects import CLOCK, CUE_TIMES, FIELDS
from geo.telemetry.table import decoded

COPY_AGAIN = "Copy it again from the drone's card"
# More than this between what the clock in the text and the cue's time advance: the clock was set meanwhile.
_CLOCK_JUMP_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Cue:
    """One subtitle as read: its number in the file, media time, clock, and the figures found in its text."""

    number: int
    time_s: float | None
    clock: datetime | None
    figures: Mapping[str, float]
    text: str


def read_cues(file: Path) -> list[Cue]:
    """Every cue of a file, in its order.

    Raises:
        InputFileError: The file is missing, empty, or holds no subtitle.
    """
    cues = [_read(number, block) for number, block in enumerate(_blocks(_text_of(file)), start=1)]
    if not cues:
        raise InputFileError(path=file, problem="holds no subtitle", remedy=COPY_AGAIN)
    return cues


def on_media_time(cues: Sequence[Cue], flags: Counter[str]) -> list[Cue]:
    """Cues with a media time; and with moments that go with it, where the drone's clock was set meanwhile."""
    if all(cue.time_s is None for cue in cues):
        flags["no_cue_times"] += len(cues)
        first = next((cue.clock for cue in cues if cue.clock is not None), None)
        if first is None:
            return []
        return [replace(cue, time_s=(cue.clock - first).total_seconds()) for cue in cues if cue.clock is not None]
    known = [cue for cue in cues if cue.time_s is not None]
    zeros = [cue.clock.timestamp() - cue.time_s for cue in known if cue.clock is not None and cue.time_s is not None]
    if not zeros:
        flags["no_time"] += len(known)
        return known
    flags["time_zone_unknown"] += len(known)
    steady = median(zeros)
    flags["clock_jumps"] += sum(abs(there - here) > _CLOCK_JUMP_S for here, there in pairwise(zeros))
    zero = datetime.fromtimestamp(steady, UTC)
    return [replace(cue, clock=zero + timedelta(seconds=cue.time_s or 0.0)) for cue in known]


def _text_of(file: Path) -> str:
    if not file.is_file():
        problem = "is a folder" if file.is_dir() else "no such file"
        raise InputFileError(path=file, problem=problem, remedy="Check the path")
    try:
        data = file.read_bytes()
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise InputFileError(path=file, problem=problem, remedy="Check its permissions") from error
    if not data.strip():
        raise InputFileError(path=file, problem="the file is empty", remedy=COPY_AGAIN)
    text = decoded(data)
    if text is None:
        raise InputFileError(path=file, problem="not a text file", remedy="Give the drone's .SRT")
    return text.lstrip("\ufeff")


def _blocks(text: str) -> Iterator[list[str]]:
    """The lines of each cue; blank lines inside one (M300) do not end it, only the next one's head does."""
    lines = [line.strip() for line in text.splitlines()]
    if any(CUE_TIMES.search(line) for line in lines):
        # The times alone make a cue: some programs leave its number out.
        heads = [number for number, line in enumerate(lines) if CUE_TIMES.search(line)]
    else:
        heads = [
            number + 1
            for number, line in enumerate(lines[:-1])
            if re.fullmatch(r"\d+", line) and CLOCK.search(lines[number + 1])
        ]
    for start, end in zip(heads, [*heads[1:], len(lines)], strict=False):
        numbered = end < len(lines) and re.fullmatch(r"\d+", lines[end - 1]) is not None
        yield lines[start : end - 1 if numbered else end]


def _read(number: int, lines: Sequence[str]) -> Cue:
    times = CUE_TIMES.search(lines[0])
    text = "\n".join(lines[1:] if times else lines)
    figures: dict[str, float] = {}
    plain = text.lower()
    for field in FIELDS:
        wanted = field.hint in plain and any(name not in figures for name in field.figures)
        found = field.pattern.search(text) if wanted else None
        if found is not None:
            for name, value in zip(field.figures, found.groups(), strict=True):
                figures.setdefault(name, float(value) * field.scale)
    return Cue(
        number=number,
        time_s=None if times is None else _seconds(times.groups()[:4]),
        clock=_clock(text),
        figures=figures,
        text=text,
    )


def _seconds(parts: Sequence[str]) -> float:
    hours, minutes, seconds, fraction = parts
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _clock(text: str) -> datetime | None:
    found = CLOCK.search(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    milli, micro = (found.group(7) or "").ljust(3, "0"), (found.group(8) or "").ljust(3, "0")
    try:
        return datetime(year, month, day, hour, minute, second, int(milli + micro), tzinfo=UTC)
    except ValueError:
        return None
