"""Members of ZIP archives (KMZ) that somebody else made: never more bytes than a mission has, and no surprises."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from flightplan.errors import InputFileError
from flightplan.files.text import MOST_BYTES
from geo.whole_file import whole_file

_REMEDY = "Export it again; it may have been cut off"
# One moment for all: the same mission makes the same archive.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def read_members(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The members of an archive whose names are `wanted`, by name.

    Raises:
        InputFileError: There is no such archive, it is broken or encrypted, holds more than a mission can have, or a
            name twice.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputFileError(
                path=path, problem="the archive is larger than any mission", remedy="Check that this is the file"
            )
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if wanted(name)]
            if len(set(names)) < len(names):
                raise InputFileError(path=path, problem="a file is in the archive twice", remedy=_REMEDY)
            return {name: _bytes(path, archive, name) for name in names}
    except FileNotFoundError as error:
        raise InputFileError(path=path, problem="there is no such file", remedy="Check the path") from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        OSError,
        # Encrypted members, and ways of packing that Python does not know.
        RuntimeError,
        ValueError,
    ) as error:
        raise InputFileError(
            path=path, problem=f"it cannot be read as a ZIP archive ({error})", remedy=_REMEDY
        ) from error


def write_members(path: Path, members: Sequence[tuple[str, str]]) -> None:
    """Write an archive of texts (name, text), whole or not at all."""
    with whole_file(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, text in members:
            told = zipfile.ZipInfo(name, date_time=_NO_TIME)
            told.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(told, text.encode())


def _bytes(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    # What the archive tells of its own sizes is not to be believed.
    with archive.open(name) as member:
        data = member.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InputFileError(
            path=path,
            place=name,
            problem=f"unpacked it has more than {MOST_BYTES // 1_000_000} MB, and no mission has",
            remedy="Check where the file comes from",
        )
    return data
