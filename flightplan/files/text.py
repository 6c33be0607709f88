"""Reading and writing whole text files, safely."""

from __future__ import annotations

from pathlib import Path

from flightplan.errors import InputFileError
from geo.whole_file import whole_file

MOST_BYTES = 64_000_000


def read_text(path: Path) -> str:
    """The file's text (UTF-8).

    Raises:
        InputFileError: It does not exist, is not text, is empty, or larger than any mission.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputFileError(
                path=path,
                problem=f"it has more than {MOST_BYTES // 1_000_000} MB, and no mission has",
                remedy="Check that this is the file",
            )
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputFileError(path=path, problem="there is no such file", remedy="Check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(
            path=path, problem=f"it cannot be read as UTF-8 text ({error})", remedy="Give a text file"
        ) from error
    if not text.strip():
        raise InputFileError(path=path, problem="the file is empty", remedy="Write it again")
    return text


def write_text(path: Path, text: str) -> None:
    """Write the file, whole or not at all; folders that are missing are made."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")
