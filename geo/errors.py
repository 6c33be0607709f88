"""Errors of `geo`, drawn as a tree.

GeoError
├── InputFileError      a file cannot be used as asked: names the file, the place in it and the remedy
└── UnknownCamera       no camera of that name in the table
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
