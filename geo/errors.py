"""Errors of `geo`, drawn as a tree.

GeoError
├── InputFileError      a file cannot be used as asked: names the file, the place in it and the remedy
├── UnknownCamera       no camera of that name in the table
├── HeightUnknown       the camera's height above the ground cannot be known from what is given
├── PoseUnknown         a track says nothing about that moment
├── NothingSeen         no part of the picture answers with ground near enough
└── PlaceUnknown        a pixel or polygon has no place on the ground
"""

from __future__ import annotations


class GeoError(Exception):
    """Anything that `geo` refuses to do."""


class InputFileError(GeoError):
    """A file cannot be used: `path`, the `place` in it (may be empty), what is wrong and the `remedy`."""

    def __init__(self, *, path: object, problem: str, remedy: str, place: str = "") -> None:
        self.path = str(path)
        self.place = place
        self.problem = problem
        self.remedy = remedy
        where = f"{self.path}, {place}" if place else self.path
        super().__init__(f"{where}: {problem}. {remedy}.")


class UnknownCamera(GeoError):
    """The camera table has no entry of that name."""

    def __init__(self, *, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        self.known = known
        super().__init__(f"camera {name!r} is not in the table. Known cameras: {', '.join(known)}.")


class HeightUnknown(GeoError):
    """The camera's height above the ground cannot be known: `reason` and `remedy` say why and what helps."""

    def __init__(self, *, reason: str, remedy: str) -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"the camera's height above the ground is unknown: {reason}. {remedy}.")


class PoseUnknown(GeoError):
    """A track of poses says nothing about `time_s`: `reason` is `before`, `after` or `gap`."""

    def __init__(self, *, time_s: float, reason: str) -> None:
        self.time_s = time_s
        self.reason = reason
        words = {"before": "before the first pose", "after": "after the last pose", "gap": "in a gap between poses"}
        super().__init__(f"no pose at {time_s:.3f} s: it lies {words[reason]}.")


class NothingSeen(GeoError):
    """No part of the picture has an answer on the ground; `flag` names the reason."""

    def __init__(self, *, flag: str) -> None:
        self.flag = flag
        super().__init__(f"the picture sees no ground that can be located ({flag}).")


class PlaceUnknown(GeoError):
    """A pixel or a polygon has no place on the ground; `flags` name the reasons."""

    def __init__(self, *, flags: tuple[str, ...]) -> None:
        self.flags = flags
        super().__init__(f"no place on the ground: {', '.join(flags) or 'unknown reason'}.")
