"""In which encoding a Shapefile's texts are, where it says so; many that Chinese programs wrote do not."""

from __future__ import annotations

from pathlib import Path

from geo.errors import InputFileError

_LANGUAGE_BYTE = 29


def encoding_of_shapefile(path: Path) -> str | None:
    """The encoding to read a Shapefile with; None to leave it to what the file tells of itself.

    Raises:
        InputFileError: Its table has texts that are not ASCII and not UTF-8, and nothing tells what they are.
    """
    table = _beside(path, ".dbf")
    if table is None or _beside(path, ".cpg") is not None:
        return None
    with table.open("rb") as file:
        header = file.read(_LANGUAGE_BYTE + 1)
        if len(header) <= _LANGUAGE_BYTE or header[_LANGUAGE_BYTE]:
            return None
        content = file.read()
    if content.isascii():
        return None
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputFileError(
            path=path,
            problem="it does not tell the encoding of its texts (no .cpg), and they are not UTF-8",
            remedy="Name it, like --encoding GBK or 'encoding: GBK' in the map",
        ) from None
    return "UTF-8"


def _beside(path: Path, suffix: str) -> Path | None:
    """The file of that name with another suffix, however its letters are written."""
    return next((one for one in path.parent.glob(f"{_escaped(path.stem)}.*") if one.suffix.lower() == suffix), None)


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
