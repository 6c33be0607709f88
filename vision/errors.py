"""Errors of the package: one base, each a sentence with the fields a caller may need."""

from __future__ import annotations

from pathlib import Path


class VisionError(Exception):
    """Something in the chain from picture to detections cannot go on."""


class InvalidValueError(VisionError, ValueError):
    """A value object was given columns or fields that contradict each other."""


class FileError(VisionError):
    """A file or folder cannot be used as what it was given for.

    Attributes:
        path: The file or folder in question.
        problem: What is wrong with it.
        remedy: What the user can do about it.
    """

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}; {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class PhotoError(FileError):
    """A file cannot be read as a picture."""


class VideoError(FileError):
    """A file cannot be read as a video."""


class StreamError(VisionError):
    """A live stream cannot be used as it was asked for.

    Attributes:
        address: The stream's address, without credentials.
        problem: What is wrong with it.
        remedy: What the user can do about it.
    """

    def __init__(self, address: str, problem: str, remedy: str) -> None:
        super().__init__(f"{address}: {problem}; {remedy}")
        self.address = address
        self.problem = problem
        self.remedy = remedy


class ModelError(FileError):
    """A model folder cannot be used."""
