"""Reading and writing whole text files, safely."""

from __future__ import annotations

from pathlib import Path

from flightplan.errors import InputFileError


def read_text(path: Path) -> str:
    """The file's text (UTF-8).

    Raises:
        InputFileError: It does not exist, is not text, or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputFileError(path=path, problem="there is no such file", remedy="Check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(
            path=path, problem=f"it cannot be read as UTF-8 text ({error})", remedy="Give a text file"
        ) from error
    if not text.strip():
        raise InputFileError(path=path, problem="the file is empty", remedy="Write the mission again")
    return text


def write_text(path: Path, text: str) -> None:
    """Writes beside the target first and renames, so that a broken-off write leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text, encoding="utf-8", newline="\n")
    draft.replace(path)
