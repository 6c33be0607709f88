"""A store's rows as one portable file: made from either database, restored into either.

The file is a zip with one member `<table>.jsonl` for each table (a row is a JSON array) and `manifest.json`, which
gives the schema, each table's columns, count and SHA-256, and the last hash of the history. Log-in sessions are left
out, for people log in again, and so is what throttles count for minutes. The folders of pictures and coverage are plain
files and are backed up as such.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Table, func, insert, select
from sqlalchemy.exc import DBAPIError

from dispatch_api.errors import BackupError, ChainBroken, StoreTaken
from dispatch_api.store.backend import Backend, backend_of
from dispatch_api.store.dialects import go_on_counting, put_boxes, read_boxes
from dispatch_api.store.history import last_hash, verify_history
from dispatch_api.store.migrate import current_revision, is_known, newest_revision, upgrade
from dispatch_api.store.schema import attempt, metadata, session
from dispatch_api.store.store import Store
from dispatch_api.store.tallies import COUNTS, count_anew
from dispatch_api.store.times import utc_now
from dispatch_api.store.types import UtcTime
from dispatch_api.store.url import StorePlace, store_place

FORMAT = "flyonce-store-backup/1"
_MANIFEST, _BOXES = "manifest.json", "case_box"
_BATCH = 1000
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)

Tick = Callable[[int, int], None]
"""Told now and then how many rows of how many are done."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One table in a backup: its `columns`, how many `rows`, and the SHA-256 of its lines."""

    columns: tuple[str, ...]
    rows: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Backup:
    """What a backup says of itself.

    Attributes:
        schema: The revision of the schema that its rows have.
        made_at: ISO 8601, UTC.
        last_hash: The hash of the newest entry of the history.
        parts: By the name of the table.
    """

    schema: str
    made_at: str
    last_hash: str
    parts: dict[str, Part]

    @property
    def rows(self) -> int:
        """Of all tables together."""
        return sum(part.rows for part in self.parts.values())


def write_backup(store: Store, path: Path, *, tick: Tick | None = None) -> Backup:
    """Write all rows of a store, as of one moment, to a new file; writers go on meanwhile.

    Raises:
        BackupError: The file is there already, or cannot be written.
    """
    if path.exists():
        raise BackupError(path=path, problem="is there already", remedy="Name a new file, or remove it")
    partial = path.with_name(f"{path.name}.partial")
    try:
        with open(partial, "xb", opener=_private) as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, store.read() as connection:
                told = _write(connection, archive, tick)
            out.flush()
            os.fsync(out.fileno())
        partial.rename(path)
    except OSError as error:
        raise BackupError(
            path=path, problem=f"cannot be written ({error.strerror})", remedy="Choose a folder with room and rights"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return told


def read_manifest(path: Path) -> Backup:
    """What a backup says of itself, after its every byte was compared with that.

    Raises:
        BackupError: The file is no backup, is damaged, or comes from a newer version.
    """
    with _opened(path) as archive:
        told = _manifest(path, archive)
        for name, part in told.parts.items():
            with archive.open(f"{name}.jsonl") as lines:
                if _digest(path, lines) != part.sha256:
                    raise _damaged(path, f"{name}.jsonl is not what was written")
    return told


def restore_backup(path: Path, url: str, *, tick: Tick | None = None) -> Backup:
    """Make a new store at `url` from a backup: all of it, or nothing.

    A backup of an older version is brought to this version's schema.

    Raises:
        BackupError: The file is no backup, is damaged, or comes from a newer version.
        StoreTaken: Something is at `url` already.
        StoreError: The store cannot be made there.
    """
    told = read_manifest(path)
    place = store_place(url)
    backend = backend_of(place)
    if not backend.is_new():
        raise StoreTaken(url=place.shown)
    try:
        _restore(path, told, backend, tick)
    except BaseException as error:
        _remove_file(place)
        if isinstance(error, DBAPIError):
            raise backend.told(error) from error
        raise
    return told


def _private(name: str, flags: int) -> int:
    """Only its own user may read it: it holds the hashes of passwords."""
    return os.open(name, flags, 0o600)


def _write(connection: Connection, archive: zipfile.ZipFile, tick: Tick | None) -> Backup:
    tables = _tables()
    total = sum(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)
    parts: dict[str, Part] = {}
    done = 0

    def advanced(rows: int) -> None:
        if tick is not None:
            tick(done + rows, total)

    for table in tables:
        columns = tuple(column.name for column in table.columns)
        parts[table.name] = _write_part(archive, table.name, columns, _rows(connection, table), advanced)
        done += parts[table.name].rows
    boxes = ((seq, *box) for seq, box in read_boxes(connection))
    parts[_BOXES] = _write_part(archive, _BOXES, ("seq", "west", "south", "east", "north"), boxes, lambda rows: None)
    told = Backup(
        schema=str(current_revision(connection)),
        made_at=utc_now().isoformat(timespec="seconds"),
        last_hash=last_hash(connection),
        parts=parts,
    )
    archive.writestr(_MANIFEST, json.dumps({"format": FORMAT, **asdict(told)}, indent=1))
    return told


def _rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    query = select(table).order_by(*table.primary_key.columns)
    yield from map(tuple, connection.execute(query, execution_options={"yield_per": _BATCH}))


def _write_part(
    archive: zipfile.ZipFile,
    name: str,
    columns: tuple[str, ...],
    rows: Iterator[tuple[Any, ...]],
    advanced: Callable[[int], None],
) -> Part:
    digest, count = hashlib.sha256(), 0
    with archive.open(f"{name}.jsonl", "w", force_zip64=True) as out:
        for row in rows:
            line = (
                json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat).encode() + b"\n"
            )
            out.write(line)
            digest.update(line)
            count += 1
            if count % _BATCH == 0:
                advanced(count)
    return Part(columns=columns, rows=count, sha256=digest.hexdigest())


def _restore(path: Path, told: Backup, backend: Backend, tick: Tick | None) -> None:
    engine = backend.writer_engine()
    try:
        with engine.begin() as connection, _opened(path) as archive:
            backend.prepare(connection)
            upgrade(connection, told.schema)
            _read_tables(connection, archive, told, tick)
            upgrade(connection)
            count_anew(connection)
            _compare_history(connection, path, told)
    finally:
        engine.dispose()


def _read_tables(connection: Connection, archive: zipfile.ZipFile, told: Backup, tick: Tick | None) -> None:
    done = 0
    for table in (table for table in _tables() if table.name in told.parts):
        part = told.parts[table.name]
        with archive.open(f"{table.name}.jsonl") as lines:
            for rows in _batches(lines):
                connection.execute(insert(table), [_values(table, part.columns, row) for row in rows])
                done += len(rows)
                if tick is not None:
                    tick(done, told.rows)
    with archive.open(f"{_BOXES}.jsonl") as lines:
        for rows in _batches(lines):
            put_boxes(connection, [(row[0], (row[1], row[2], row[3], row[4])) for row in rows])
    go_on_counting(connection, [table for table in _tables() if table.name in told.parts])


def _batches(lines: IO[bytes]) -> Iterator[list[list[Any]]]:
    while batch := [json.loads(line) for line in itertools.islice(lines, _BATCH)]:
        yield batch


def _values(table: Table, columns: tuple[str, ...], row: list[Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if value is not None and isinstance(table.c[name].type, UtcTime) else value
        for name, value in zip(columns, row, strict=True)
    }


def _compare_history(connection: Connection, path: Path, told: Backup) -> None:
    try:
        verify_history(connection)
    except ChainBroken as error:
        raise _damaged(path, f"its history was changed before it was made: {error}") from error
    if last_hash(connection) != told.last_hash:
        raise _damaged(path, "its history does not end as it says")


def _tables() -> list[Table]:
    """In an order in which no row refers to one that is still to come."""
    return [table for table in metadata.sorted_tables if table not in (session, attempt, *COUNTS)]


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise BackupError(
            path=path, problem=f"is no backup of a store ({error})", remedy="Name a file that `flyonce db backup` wrote"
        ) from error


def _manifest(path: Path, archive: zipfile.ZipFile) -> Backup:
    try:
        raw = json.loads(archive.read(_MANIFEST))
        if raw.pop("format") != FORMAT:
            raise BackupError(path=path, problem="is of a format unknown here", remedy="Upgrade flyonce")
        parts = {name: Part(**{**part, "columns": tuple(part["columns"])}) for name, part in raw.pop("parts").items()}
        told = Backup(**raw, parts=parts)
    except (KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise _damaged(path, "its manifest cannot be read") from error
    missing = {f"{name}.jsonl" for name in {*told.parts, _BOXES}} - set(archive.namelist())
    if missing:
        raise _damaged(path, f"it lacks {sorted(missing)[0]}")
    if not is_known(told.schema):
        raise BackupError(
            path=path,
            problem=f"has schema {told.schema!r}, which a newer flyonce wrote; this one has {newest_revision()}",
            remedy="Upgrade flyonce",
        )
    return told


def _digest(path: Path, lines: IO[bytes]) -> str:
    digest = hashlib.sha256()
    try:
        while block := lines.read(1 << 20):
            digest.update(block)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _damaged(path, str(error)) from error
    return digest.hexdigest()


def _damaged(path: Path, problem: str) -> BackupError:
    return BackupError(path=path, problem=f"is damaged: {problem}", remedy="Use another backup")


def _remove_file(place: StorePlace) -> None:
    """What is left of a file that was not there before; a server takes back its own."""
    if place.path is not None:
        for suffix in ("", "-wal", "-shm"):
            place.path.with_name(place.path.name + suffix).unlink(missing_ok=True)
