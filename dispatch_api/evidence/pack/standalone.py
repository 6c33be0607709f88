"""Checks an evidence pack of flyonce with nothing but the pack and Python 3.9 or newer; no network, no store.

    python3 -I verify.py PACK.zip         a pack as it was handed over
    python3 -I verify.py FOLDER           the same, unpacked; without a name: the folder of this file

Exit status 0: every byte is as it was when the pack was made. 1: something is not, and the first such file (or entry
of the event log) is named. 2: there is nothing to check.

What it can tell: whether the pack fits together. Whoever writes a whole pack anew, all hashes included, makes another
pack that fits together too: against that stand the time stamp (`manifest.tsr`), a digest of `manifest.json` told to
somebody else in time, or the city's store, whose history names that digest. See docs/evidence.md of flyonce.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

FORMAT = "flyonce-evidence-pack/2"
_FORMATS = ("flyonce-evidence-pack/1", FORMAT)
MANIFEST, DIGESTS, TOKEN = "manifest.json", "digests.txt", "manifest.tsr"
EVENTS, PLACES = "history/events.jsonl", "history/places.json"
GENESIS = "0" * 64
ZIP_ITSELF = "the zip itself"
MOST_BYTES = 0xFFFF_FFFF - (1 << 20)
MOST_FILES = 60_000

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*(/[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*){0,3}")
_STAMP_LINE = re.compile(rb"[0-9a-f]{64}  manifest\.tsr\n")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_MANIFEST_BYTES = 64 << 20
_BLOCK = 1 << 20
_BOMB_RATIO, _BOMB_FLOOR = 100, 64 << 20
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError),
    *(NotImplementedError, RuntimeError, struct.error),
)


class Wrong(Exception):
    """The first thing that is not as it was: `where` names a file or an entry, `problem` says what is wrong with it."""

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: {problem}")


class Intact(NamedTuple):
    """A pack in which everything fits: the digest of its manifest is what a notary or a time stamp should hold."""

    manifest_sha256: str
    files: int
    events: int
    stamped: bool
    about: dict[str, Any]


class _Digest(NamedTuple):
    sha256: str
    bytes: int
    crc32: int


def verify(path: Path) -> Intact:
    """Check a pack, zipped or unpacked, byte for byte.

    Raises:
        Wrong: Names the first file or entry that is not as it was.
    """
    with opened(path) as container:
        return _check(container)


def opened(path: Path) -> _Container:
    """The files of a pack, zipped or unpacked; close it after use.

    Raises:
        Wrong: It cannot be opened, or holds what no pack holds.
    """
    return _Folder(path) if path.is_dir() else _Zip(path)


def canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """The one way in which a JSON value is written for its hash."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256_of_text(text: str) -> str:
    """SHA-256 of a text in UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def entry_sha256(entry: dict[str, Any]) -> str:
    """The hash of an entry of the manifest: over all of it, the previous entry's hash among it."""
    return sha256_of_text(canonical({key: value for key, value in entry.items() if key != "entry_sha256"}))


def manifest_bytes(entries: list[dict[str, Any]], written_as: str = FORMAT) -> bytes:
    """The manifest as it lies in the pack."""
    whole = {"format": written_as, "entries": entries, "head": entries[-1]["entry_sha256"]}
    return (json.dumps(whole, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n").encode("utf-8")


def digests_bytes(digests: list[tuple[str, str]]) -> bytes:
    """The list of digests, (path, SHA-256) each, as `sha256sum -c` reads it."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in digests).encode("ascii")


def is_good_name(name: str) -> bool:
    """Whether a file of a pack may be called so: plain lower-case ASCII, no way out of the folder."""
    return len(name) <= 120 and _NAME.fullmatch(name) is not None


def local_header(name: str, size: int, crc32: int) -> bytes:
    """What stands before a member: stored as it is, no date, nothing extra."""
    raw = name.encode("ascii")
    return struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 0, 0, 33, crc32, size, size, len(raw), 0) + raw


def central_header(name: str, size: int, crc32: int, offset: int) -> bytes:
    """A member's line in the zip's directory."""
    raw = name.encode("ascii")
    mode = (stat.S_IFREG | 0o644) << 16
    fixed = (20 | 3 << 8, 20, 0, 0, 0, 33, crc32, size, size, len(raw), 0, 0, 0, 0, mode, offset)
    return struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", *fixed) + raw


def end_of_directory(count: int, size: int, offset: int) -> bytes:
    """The end of the zip."""
    return struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, size, offset, 0)


class _Container:
    """Files under names, to be read piece by piece."""

    names: dict[str, Any]

    def __enter__(self) -> _Container:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def size(self, name: str) -> int:
        raise NotImplementedError

    def blocks(self, name: str) -> Iterator[bytes]:
        raise NotImplementedError

    def check_shape(self, order: list[tuple[str, _Digest]]) -> None:
        """Find what was changed in the container beyond its files, which were read in `order`."""


class _Folder(_Container):
    """An unpacked pack."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.names = {}
        for place, folders, files in os.walk(path):
            for name in sorted(folders + files):
                full = Path(place) / name
                shown = full.relative_to(path).as_posix()
                if full.is_symlink():
                    raise Wrong(shown, "is a link; a pack has plain files only")
                if name in files:
                    self.names[shown] = full

    def size(self, name: str) -> int:
        return (self._path / name).stat().st_size

    def blocks(self, name: str) -> Iterator[bytes]:
        try:
            with (self._path / name).open("rb") as file:
                while block := file.read(_BLOCK):
                    yield block
        except OSError as error:
            raise Wrong(name, f"cannot be read ({error.strerror})") from error


class _Zip(_Container):
    """A pack as it was handed over."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("rb")
        self._bytes = path.stat().st_size
        try:
            self._archive = zipfile.ZipFile(self._file)
            infos = self._archive.infolist()
        except _DAMAGED as error:
            self._file.close()
            raise Wrong(ZIP_ITSELF, f"it cannot be opened ({error})") from error
        self.names = {}
        try:
            for info in infos:
                self._take(info)
            if sum(info.file_size for info in infos) > max(_BOMB_FLOOR, _BOMB_RATIO * self._bytes):
                largest = max(infos, key=lambda info: info.file_size)
                raise Wrong(largest.filename, "would swell beyond all measure when unpacked")
        except Wrong:
            self._file.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._archive.close()
        self._file.close()

    def _take(self, info: zipfile.ZipInfo) -> None:
        name = info.orig_filename
        if not is_good_name(name):
            raise Wrong(ascii(name)[1:-1], "has a name that no file of a pack has")
        if name in self.names:
            raise Wrong(name, "is there twice")
        if info.flag_bits & 1:
            raise Wrong(name, "is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Wrong(name, "is packed in a way that no pack is")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise Wrong(name, "is a link; a pack has plain files only")
        self.names[name] = info

    def size(self, name: str) -> int:
        return int(self.names[name].file_size)

    def blocks(self, name: str) -> Iterator[bytes]:
        try:
            with self._archive.open(self.names[name]) as file:
                while block := file.read(_BLOCK):
                    yield block
        except _DAMAGED as error:
            raise Wrong(name, f"is damaged ({error})") from error

    def check_shape(self, order: list[tuple[str, _Digest]]) -> None:
        """Compare everything in the zip that is no file with how a pack is written: not one byte is left unread."""
        if self._bytes > MOST_BYTES or len(order) > MOST_FILES:
            raise Wrong(ZIP_ITSELF, "is larger than any pack")
        directory: list[bytes] = []
        offset = 0
        for name, (_, size, crc32) in order:
            header = local_header(name, size, crc32)
            self._expect(offset, header, f"{ZIP_ITSELF}, before {name}")
            directory.append(central_header(name, size, crc32, offset))
            offset += len(header) + size
        start = offset
        for (name, _), line in zip(order, directory):  # noqa: B905 - 3.9 has no strict
            self._expect(offset, line, f"{ZIP_ITSELF}, its directory at {name}")
            offset += len(line)
        end = end_of_directory(len(order), offset - start, start)
        self._expect(offset, end, f"{ZIP_ITSELF}, its end")
        if self._bytes != offset + len(end):
            raise Wrong(f"{ZIP_ITSELF}, its end", "something was put behind it")

    def _expect(self, offset: int, wanted: bytes, where: str) -> None:
        self._file.seek(offset)
        if self._file.read(len(wanted)) != wanted:
            raise Wrong(where, "is not as a pack is written; unpacked, its files can be checked by themselves")


def _check(container: _Container) -> Intact:
    raw = _whole(container, MANIFEST, _MOST_MANIFEST_BYTES)
    about, files = _read_manifest(raw)
    order = [(MANIFEST, _digest(container, MANIFEST))]
    for entry in files:
        order.append((entry["path"], _check_file(container, entry, about)))
    events = _check_events(b"".join(container.blocks(EVENTS)), about)
    if "tree" in about["history"]:
        _check_places(container, about["history"])
    known = {name for name, _ in order} | {DIGESTS, TOKEN}
    for name in container.names:
        if name not in known:
            raise Wrong(ascii(name)[1:-1], "was slipped in: no such file is in the manifest")
    stamped = TOKEN in container.names
    if stamped:
        token = _whole(container, TOKEN, _BLOCK)
        # An ASN.1 octet string of 32 bytes; who signed it is for `openssl ts -verify` to say.
        if b"\x04\x20" + hashlib.sha256(raw).digest() not in token:
            raise Wrong(TOKEN, "does not stamp this manifest")
    order += _check_digests(container, order, stamped)
    container.check_shape(order)
    return Intact(order[0][1].sha256, len(order), events, stamped, about)


def _whole(container: _Container, name: str, most: int) -> bytes:
    if name not in container.names:
        raise Wrong(name, "is missing")
    if container.size(name) > most:
        raise Wrong(name, "is larger than any such file")
    return b"".join(container.blocks(name))


def _digest(container: _Container, name: str) -> _Digest:
    digest, size, crc32 = hashlib.sha256(), 0, 0
    for block in container.blocks(name):
        digest.update(block)
        size += len(block)
        crc32 = zlib.crc32(block, crc32)
    return _Digest(digest.hexdigest(), size, crc32)


def _read_manifest(raw: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        found = json.loads(raw.decode("utf-8"))
        entries = found["entries"]
        if found["format"] not in _FORMATS:
            raise Wrong(MANIFEST, f"is of a format unknown here ({found['format']!a}); a newer verifier may read it")
        _check_chain(entries)
        if manifest_bytes(entries, found["format"]) != raw:
            raise Wrong(MANIFEST, "is not written as flyonce writes it: bytes between its entries were changed")
        # Packs of the first format do not say where in the whole history their entries stand.
        if found["format"] == FORMAT and "tree" not in entries[0]["history"]:
            raise Wrong(MANIFEST, "does not say where in the history its entries stand")
        return entries[0], _files_of(entries)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise Wrong(MANIFEST, "cannot be read as a manifest") from error


def _check_chain(entries: list[dict[str, Any]]) -> None:
    previous = GENESIS
    for number, entry in enumerate(entries):
        where = f"{MANIFEST}, entry {number}"
        if entry["n"] != number or (entry["kind"] == "about") != (number == 0):
            raise Wrong(where, "an entry was removed, slipped in or moved")
        if entry["previous_entry"] != previous:
            raise Wrong(where, "it does not follow the entry before it")
        if entry_sha256(entry) != entry["entry_sha256"]:
            raise Wrong(where, f"its content was changed ({entry.get('path') or entry['kind']!a})")
        previous = entry["entry_sha256"]


def _files_of(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    files = [entry for entry in entries[1:] if entry["path"] is not None]
    names: set[str] = set()
    for entry in files:
        name = entry["path"]
        if not is_good_name(name) or name in (MANIFEST, DIGESTS, TOKEN) or name in names:
            raise Wrong(f"{MANIFEST}, entry {entry['n']}", "names a file that cannot be in a pack")
        if not _SHA256.fullmatch(entry["sha256"]) or type(entry["bytes"]) is not int or entry["bytes"] < 0:
            raise Wrong(f"{MANIFEST}, entry {entry['n']}", "gives no digest or no size")
        names.add(name)
    if EVENTS not in names:
        raise Wrong(MANIFEST, "names no event log")
    return files


def _check_file(container: _Container, entry: dict[str, Any], about: dict[str, Any]) -> _Digest:
    name = entry["path"]
    if name not in container.names:
        raise Wrong(name, "is missing")
    # The size first: what is larger than it says is not even read.
    found = _digest(container, name) if container.size(name) == entry["bytes"] else None
    if found is not None and (found.sha256, found.bytes) == (entry["sha256"], entry["bytes"]):
        return found
    if name == EVENTS and container.size(name) <= 2 * entry["bytes"] + _BLOCK:
        _check_events(b"".join(container.blocks(EVENTS)), about)
    if found is None:
        raise Wrong(name, f"has {container.size(name)} bytes instead of {entry['bytes']}")
    raise Wrong(name, f"was changed: its SHA-256 is {found.sha256}, not {entry['sha256']}")


def _check_events(raw: bytes, about: dict[str, Any]) -> int:
    told = about["history"]
    before: dict[str, Any] | None = None
    hashes: list[str] = []
    for number, line in enumerate(raw.split(b"\n")[:-1], 1):
        where = f"{EVENTS}, entry {number}"
        event = _event_of(line, where)
        if before is not None and event["seq"] <= before["seq"]:
            raise Wrong(where, "it was moved: its number is not above that of the entry before it")
        if before is not None and event["seq"] == before["seq"] + 1 and event["previous_hash"] != before["hash"]:
            raise Wrong(where, "it does not follow the entry before it")
        if number > len(told["hashes"]) or told["hashes"][number - 1] != event["hash"]:
            raise Wrong(where, "the manifest lists another entry here: one was changed, moved, cut or slipped in")
        hashes.append(event["hash"])
        before = event
    if len(hashes) != len(told["hashes"]):
        raise Wrong(f"{EVENTS}, entry {len(hashes) + 1}", f"is missing: {len(told['hashes'])} were written")
    if raw and not raw.endswith(b"\n"):
        raise Wrong(EVENTS, "does not end with its last entry")
    if before is not None and before["seq"] > told["head"]["seq"]:
        raise Wrong(f"{EVENTS}, entry {len(hashes)}", "it is newer than the history was when the pack was made")
    if before is not None and before["seq"] == told["head"]["seq"] and before["hash"] != told["head"]["hash"]:
        raise Wrong(f"{EVENTS}, entry {len(hashes)}", "the history did not end with it")
    return len(hashes)


def _check_places(container: _Container, told: dict[str, Any]) -> None:
    """Follow each entry's hash up to the root of the tree over the whole history (RFC 9162, 2.1.3.2)."""
    size, root = told["tree"]["size"], told["tree"]["root"]
    seqs = [json.loads(line)["seq"] for line in b"".join(container.blocks(EVENTS)).split(b"\n")[:-1]]
    try:
        paths = json.loads(_whole(container, PLACES, _MOST_MANIFEST_BYTES).decode("utf-8"))["paths"]
        if size != told["head"]["seq"] or len(paths) != len(seqs):
            raise Wrong(PLACES, "is of another history than the entries")
        for number, (seq, own, path) in enumerate(zip(seqs, told["hashes"], paths), 1):  # noqa: B905 - as above
            if _root_by(own, seq - 1, size, path) != root:
                raise Wrong(f"{PLACES}, entry {number}", f"does not lead from event {seq} to the root of the history")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Wrong(PLACES, "cannot be read") from error


def _root_by(own: str, place: int, size: int, path: list[str]) -> str | None:
    node, last = hashlib.sha256(b"\0" + bytes.fromhex(own)).digest(), size - 1
    for beside in path:
        if last == 0 or not _SHA256.fullmatch(beside):
            return None
        if place & 1 or place == last:
            node = hashlib.sha256(b"\1" + bytes.fromhex(beside) + node).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + bytes.fromhex(beside)).digest()
        place, last = place >> 1, last >> 1
    return node.hex() if last == 0 else None


def _event_of(line: bytes, where: str) -> dict[str, Any]:
    try:
        event = json.loads(line.decode("utf-8"))
        values = {key: value for key, value in event.items() if key != "hash"}
        if canonical(event).encode("utf-8") != line or type(event["seq"]) is not int:
            raise Wrong(where, "it is not written as flyonce writes it")
        if sha256_of_text(canonical(values)) != event["hash"]:
            raise Wrong(where, f"its content was changed after it was written (event {event['seq']} of the store)")
        if not _SHA256.fullmatch(event["previous_hash"]):
            raise Wrong(where, "it names no entry before it")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Wrong(where, "it cannot be read") from error
    return dict(event)


def _check_digests(container: _Container, order: list[tuple[str, _Digest]], stamped: bool) -> list[tuple[str, _Digest]]:
    more = [(TOKEN, _digest(container, TOKEN))] if stamped else []
    wanted = digests_bytes([(name, digest.sha256) for name, digest in [*order, *more]])
    found = _whole(container, DIGESTS, _MOST_MANIFEST_BYTES)
    if found != wanted:
        start = digests_bytes([(name, digest.sha256) for name, digest in order])
        if stamped and found.startswith(start) and _STAMP_LINE.fullmatch(found[len(start) :]):
            raise Wrong(TOKEN, f"was changed: its SHA-256 is not the one in {DIGESTS}")
        raise Wrong(DIGESTS, "does not list these files with these digests")
    return [(DIGESTS, _digest(container, DIGESTS)), *more]


def main(arguments: list[str]) -> int:
    """Check the pack named on the command line; see the top of this file."""
    path = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    if len(arguments) > 1 or not (path.is_file() or path.is_dir()):
        sys.stderr.write(f"usage: verify.py [PACK.zip or FOLDER]; there is no {path}\n")
        return 2
    try:
        told = verify(path)
    except Wrong as wrong:
        sys.stdout.write(f"NOT INTACT / \u4e0d\u5b8c\u597d\n{wrong}\n")
        return 1
    sys.stdout.write(
        f"INTACT / \u5b8c\u597d: {told.files} files, {told.events} events, "
        f"{'with' if told.stamped else 'without'} a time stamp\n"
        f"SHA-256 of {MANIFEST}: {told.manifest_sha256}\n"
    )
    if told.stamped:
        sys.stdout.write("who stamped it, openssl tells: ")
        sys.stdout.write(f"openssl ts -verify -in {TOKEN} -data {MANIFEST} -CAfile CA.pem\n")
    return 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
