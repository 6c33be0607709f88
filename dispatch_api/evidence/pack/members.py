"""The files of a pack and how they are written: a plain zip without compression, byte for byte the same each time."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dispatch_api.errors import EvidenceError
from dispatch_api.evidence.pack.standalone import (
    DIGESTS,
    GENESIS,
    MANIFEST,
    MOST_BYTES,
    MOST_FILES,
    TOKEN,
    central_header,
    digests_bytes,
    end_of_directory,
    entry_sha256,
    local_header,
    manifest_bytes,
)

_BLOCK = 1 << 20

Tick = Callable[[int, int], None]
"""Told now and then how many bytes of how many are written."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file of a pack.

    Attributes:
        name: Its path inside.
        content: Its bytes, or where they lie.
        facts: What the manifest says of it beyond its digest and size.
        wanted_sha256: What its digest must be; None for what was made just now.
    """

    name: str
    content: bytes | Path
    facts: Mapping[str, Any] = field(default_factory=dict)
    wanted_sha256: str | None = None

    def blocks(self) -> Iterator[bytes]:
        """Its bytes, piece by piece.

        Raises:
            EvidenceError: The file cannot be read.
        """
        if isinstance(self.content, bytes):
            yield self.content
            return
        try:
            with self.content.open("rb") as file:
                while block := file.read(_BLOCK):
                    yield block
        except OSError as error:
            raise EvidenceError(
                path=self.content, problem=f"cannot be read ({error.strerror})", remedy="Restore it from a backup"
            ) from error


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A member with its digest."""

    member: Member
    sha256: str
    bytes: int
    crc32: int


def weigh(member: Member) -> Weighed:
    """Take a member's digest.

    Raises:
        EvidenceError: It is not what it was when it came in.
    """
    digest, size, crc32 = hashlib.sha256(), 0, 0
    for block in member.blocks():
        digest.update(block)
        size += len(block)
        crc32 = zlib.crc32(block, crc32)
    sha256 = digest.hexdigest()
    if member.wanted_sha256 not in (None, sha256):
        raise EvidenceError(
            path=member.content,
            problem=f"its SHA-256 is {sha256}, not {member.wanted_sha256} as when it came in",
            remedy="Restore it from a backup; it is no evidence as it is",
        )
    return Weighed(member=member, sha256=sha256, bytes=size, crc32=crc32)


def with_manifest(about: Mapping[str, Any], weighed: Sequence[Weighed], sealed: Sequence[Mapping[str, Any]]) -> bytes:
    """The manifest: `about`, one entry for each file, and one for each original that stays sealed in the store."""
    entries: list[dict[str, Any]] = []
    files = [{"path": one.member.name, "sha256": one.sha256, "bytes": one.bytes, **one.member.facts} for one in weighed]
    rows = [{"kind": "about", **about}, *({"kind": "file", **row} for row in (*files, *sealed))]
    previous = GENESIS
    for number, row in enumerate(rows):
        entry = {"n": number, **row, "previous_entry": previous}
        previous = entry_sha256(entry)
        entries.append({**entry, "entry_sha256": previous})
    return manifest_bytes(entries)


def write_members(
    out: Path, manifest: bytes, weighed: Sequence[Weighed], *, token: bytes | None = None, tick: Tick | None = None
) -> None:
    """Write a pack: manifest, files, the list of digests, and a time stamp where there is one.

    Raises:
        EvidenceError: It is too large for one zip, or a file changed while it was read.
    """
    stamp = [weigh(Member(name=TOKEN, content=token))] if token is not None else []
    first = weigh(Member(name=MANIFEST, content=manifest))
    listed = digests_bytes([(one.member.name, one.sha256) for one in (first, *weighed, *stamp)])
    everything = [first, *weighed, weigh(Member(name=DIGESTS, content=listed)), *stamp]
    total = sum(one.bytes for one in everything)
    if total + 400 * len(everything) > MOST_BYTES or len(everything) > MOST_FILES:
        raise EvidenceError(
            path=out, problem=f"{total / 1e9:.1f} GB are too much for one pack", remedy="Make it without --originals"
        )
    try:
        with open(out, "xb", opener=_private) as file:
            directory, offset = [], 0
            for one in everything:
                header = local_header(one.member.name, one.bytes, one.crc32)
                directory.append(central_header(one.member.name, one.bytes, one.crc32, offset))
                file.write(header)
                written, crc32 = 0, 0
                for block in one.member.blocks():
                    file.write(block)
                    written += len(block)
                    crc32 = zlib.crc32(block, crc32)
                    if tick is not None:
                        tick(offset + written, total)
                if (written, crc32) != (one.bytes, one.crc32):
                    raise EvidenceError(
                        path=one.member.content, problem="changed while it was read", remedy="Try again"
                    )
                offset += len(header) + written
            lines = b"".join(directory)
            file.write(lines + end_of_directory(len(everything), len(lines), offset))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise EvidenceError(
            path=out, problem=f"cannot be written ({error.strerror})", remedy="Choose a folder with room and rights"
        ) from error


def _private(name: str, flags: int) -> int:
    """Only its own user may read it."""
    return os.open(name, flags, 0o600)
