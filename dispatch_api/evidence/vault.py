"""Files of evidence on disk: originals copied bit for bit and sealed, pictures made from them beside."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from dispatch_api.errors import EvidenceError

THUMBNAIL_SIDE_PX = 480
CARDS = "cards"
"""The folder of models' cards: nothing in it is ever a leftover."""
_SEALED = 0o444
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A file that is in the vault."""

    sha256: str
    extension: str
    bytes: int
    path: Path


class Vault:
    """Files under their SHA-256: `originals/ab/<sha256>.<ext>`, `pictures/ab/<sha256>.jpg` (or `.mp4`), `cards/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def seal_original(self, path: Path, sha256: str) -> Sealed:
        """Copy an original into the vault, read-only, on disk and read back; again does nothing.

        Raises:
            EvidenceError: The file cannot be read, or its content is not what `sha256` says.
        """
        extension = _extension(path)
        target = self._place("originals", sha256, extension)
        if not target.exists():
            self._copy(path, target, sha256)
        return Sealed(sha256=sha256, extension=extension, bytes=target.stat().st_size, path=target)

    def keep_picture(self, jpeg: bytes) -> str:
        """Keep a picture made from an original; returns its SHA-256."""
        sha256 = hashlib.sha256(jpeg).hexdigest()
        target = self._place("pictures", sha256, "jpg")
        if not target.exists():
            self._write(target, jpeg)
        return sha256

    def keep_film(self, path: Path) -> str:
        """Keep a film made from an original; returns its SHA-256.

        Raises:
            EvidenceError: It cannot be read or written.
        """
        sha256 = _digest(path)
        target = self._place("pictures", sha256, "mp4")
        if not target.exists():
            self._copy(path, target, sha256)
        return sha256

    def keep_card(self, text: bytes) -> str:
        """Keep the card of a model as it was when the model found something; returns its SHA-256."""
        sha256 = hashlib.sha256(text).hexdigest()
        target = self.card_path(sha256)
        if not target.exists():
            self._write(target, text)
        return sha256

    def card_path(self, sha256: str) -> Path:
        """Where a model's card lies."""
        return self._place(CARDS, sha256, "yaml")

    def film_path(self, sha256: str) -> Path:
        """Where a film made from an original lies.

        Raises:
            EvidenceError: It is not there any more.
        """
        return self._there(self._place("pictures", sha256, "mp4"))

    def picture_path(self, sha256: str) -> Path:
        """Where a picture lies.

        Raises:
            EvidenceError: It is not there any more.
        """
        return self._there(self._place("pictures", sha256, "jpg"))

    def original_path(self, sha256: str, extension: str) -> Path:
        """Where a sealed original lies."""
        return self._place("originals", sha256, extension)

    @staticmethod
    def _there(path: Path) -> Path:
        if not path.is_file():
            raise EvidenceError(
                path=path, problem="the picture is missing from the evidence folder", remedy="Restore it from a backup"
            )
        return path

    def _place(self, kind: str, sha256: str, extension: str) -> Path:
        return self.folder / kind / sha256[:2] / f"{sha256}.{extension}"

    def _copy(self, path: Path, target: Path, sha256: str) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise EvidenceError(
                path=path, problem=f"the original cannot be read ({error.strerror})", remedy="Check the file"
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise EvidenceError(
                path=path,
                problem=f"its SHA-256 is {found}, not {sha256} as when it was read first",
                remedy="The file was changed meanwhile; take it from the card again",
            )
        self._write(target, content)
        if _digest(target) != sha256:
            target.unlink()
            raise EvidenceError(path=target, problem="the copy differs from the original", remedy="Check the disk")

    def _write(self, target: Path, content: bytes) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).chmod(_SEALED)
                Path(name).replace(target)
            finally:
                Path(name).unlink(missing_ok=True)
            _sync_folder(target.parent)
        except OSError as error:
            raise EvidenceError(
                path=target, problem=f"cannot be written ({error.strerror})", remedy="Check disk space and rights"
            ) from error


def thumbnail(jpeg: bytes) -> bytes:
    """A small JPEG of a picture, its longer side at most `THUMBNAIL_SIDE_PX`."""
    with Image.open(BytesIO(jpeg)) as picture:
        picture.draft("RGB", (THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX))
        small = picture.convert("RGB")
        small.thumbnail((THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX))
        out = BytesIO()
        small.save(out, "JPEG", quality=82)
    return out.getvalue()


def _extension(path: Path) -> str:
    extension = path.suffix.lower().lstrip(".")
    return extension if extension.isalnum() and len(extension) <= 8 else "bin"


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
