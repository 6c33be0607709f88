"""`flyonce db backup`, `restore` and `check`: on both databases, and from one to the other."""

from __future__ import annotations

import hashlib
import json
import zipfile

import pytest
from dispatch_builders import an_observation, default_rules, north_of, some_evidence
from sqlalchemy import inspect, select
from typer.testing import CliRunner

from dispatch_api.cases.intake import Intake
from dispatch_api.errors import BackupError, StoreTaken
from dispatch_api.store import open_store
from dispatch_api.store import schema as tables
from dispatch_api.store.backend import backend_of
from dispatch_api.store.backup import read_manifest, restore_backup, write_backup
from dispatch_api.store.dialects import read_boxes
from dispatch_api.store.migrate import upgrade
from dispatch_api.store.tallies import COUNTS, miscounted
from dispatch_api.store.url import store_place
from flyonce.cli import db


def invoke(*words: object):
    return CliRunner().invoke(db.app, [str(word) for word in words])


def everything(store) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a store but its sessions, and what it counts of the others."""
    with store.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in tables.metadata.sorted_tables
            if table is not tables.session and table not in COUNTS
        }


def same_boxes(one, other) -> bool:
    """Whether two stores index the same boxes; SQLite rounds them outwards to 32 bits, here by 3 m at most."""
    with one.read() as first, other.read() as second:
        pairs = list(zip(read_boxes(first), read_boxes(second), strict=True))
    return bool(pairs) and all(a == b and x == pytest.approx(y, abs=3e-5) for (a, x), (b, y) in pairs)


@pytest.fixture
def lived_in(store, people, tmp_path):
    """A store with cases, tasks, pictures, accounts and a history."""
    intake = Intake(store, *default_rules())
    for n in range(3):
        picture = some_evidence(tmp_path, name=f"图{n}.jpg", colour=(n * 40, 9, 9))
        intake.record(
            an_observation(key=f"观测-{n}", lonlat=north_of(200.0 * n), flight_id=f"f{n}", evidence=(picture,))
        )
    intake.record(an_observation(key="again", lonlat=north_of(0.5), flight_id="f9"))
    return store


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request, postgres_copy, tmp_path):
    """Another place, where neither a store nor a picture is."""
    (tmp_path / "other").mkdir()
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/other/city.db"
    return postgres_copy("bare", tmp_path / "other")


@pytest.mark.both_stores
def test_a_backup_of_either_database_makes_the_same_store_in_either(lived_in, elsewhere, tmp_path):
    ticks = []
    told = write_backup(lived_in, tmp_path / "b.zip", tick=lambda done, total: ticks.append((done, total)))
    assert (tmp_path / "b.zip").stat().st_mode & 0o077 == 0
    assert told.parts["case_file"].rows == 3
    assert told.parts["original"].rows == 3
    restore_backup(tmp_path / "b.zip", elsewhere, tick=lambda done, total: ticks.append((done, total)))
    assert ticks[-1][0] <= ticks[-1][1]
    with open_store(elsewhere, evidence_dir=lived_in.evidence_dir) as restored:
        assert everything(restored) == everything(lived_in)
        with restored.read() as connection:
            assert miscounted(connection) == []
        assert same_boxes(restored, lived_in)
        # Work goes on: keys, numbers and the index of places know what is there.
        intake = Intake(restored, *default_rules())
        assert not intake.record(an_observation(key="known", lonlat=north_of(400.3), flight_id="f77")).opened
        assert intake.record(an_observation(key="new", lonlat=north_of(5000), flight_id="f77")).opened


@pytest.mark.both_stores
def test_the_commands_back_up_restore_and_check(lived_in, new_place, tmp_path):
    made = invoke("backup", tmp_path / "b.zip", "--store", lived_in.url, "--json")
    assert made.exit_code == 0, made.stderr
    rows = json.loads(made.stdout)["rows"]
    restored = invoke("restore", tmp_path / "b.zip", "--store", new_place, "--json")
    assert restored.exit_code == 0, restored.stderr
    assert json.loads(restored.stdout)["rows"] == rows
    assert "%E4%B8%80" not in restored.stdout  # of the password
    checked = invoke("check", "--store", lived_in.url, "--json")
    assert json.loads(checked.stdout)["ok"], checked.stdout
    names = [finding["name"] for finding in json.loads(checked.stdout)["checks"]]
    assert names == ["database", "history", "places", "counts", "originals"]
    words = invoke("check", "--store", new_place)
    assert words.exit_code == 1
    assert "BAD originals" in words.stdout + words.stderr


@pytest.mark.both_stores
def test_a_restore_never_writes_over_anything(lived_in, tmp_path):
    write_backup(lived_in, tmp_path / "b.zip")
    before = everything(lived_in)
    with pytest.raises(StoreTaken, match="something is there already"):
        restore_backup(tmp_path / "b.zip", lived_in.url)
    assert everything(lived_in) == before
    with pytest.raises(BackupError, match="is there already"):
        write_backup(lived_in, tmp_path / "b.zip")


def rewritten(old, new, change):
    """A copy of a backup whose members went through `change(name, content)`; None leaves one out."""
    with zipfile.ZipFile(old) as source, zipfile.ZipFile(new, "w") as target:
        for name in source.namelist():
            content = change(name, source.read(name))
            if content is not None:
                target.writestr(name, content)


def in_manifest(**changes):
    def change(name, content):
        return json.dumps({**json.loads(content), **changes}) if name == "manifest.json" else content

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda name, data: data.replace(b"f2", b"f4") if name == "observation.jsonl" else data, "not what was"),
        (lambda name, data: None if name == "event.jsonl" else data, "it lacks event.jsonl"),
        (lambda name, data: None if name == "manifest.json" else data, "manifest cannot be read"),
        (in_manifest(schema="9999"), "a newer flyonce wrote"),
        (in_manifest(format="other/1"), "format unknown here"),
    ],
)
def test_a_damaged_backup_is_refused_before_anything_is_made(lived_in, new_place, tmp_path, change, words):
    write_backup(lived_in, tmp_path / "b.zip")
    rewritten(tmp_path / "b.zip", tmp_path / "bad.zip", change)
    with pytest.raises(BackupError, match=words):
        restore_backup(tmp_path / "bad.zip", new_place)
    assert list((tmp_path / "fresh").iterdir()) == []


@pytest.mark.both_stores
def test_a_backup_whose_rows_are_not_what_it_says_leaves_nothing_behind(lived_in, new_place, tmp_path):
    write_backup(lived_in, tmp_path / "b.zip")
    rewritten(tmp_path / "b.zip", tmp_path / "bad.zip", in_manifest(last_hash="0" * 64))
    with pytest.raises(BackupError, match="history does not end as it says"):
        restore_backup(tmp_path / "bad.zip", new_place)
    restore_backup(tmp_path / "b.zip", new_place)


@pytest.fixture
def new_place(store_kind, postgres_copy, tmp_path):
    """A place of the same kind, where neither a store nor a picture is."""
    (tmp_path / "fresh").mkdir()
    if store_kind == "sqlite":
        return f"sqlite:///{tmp_path}/fresh/city.db"
    return postgres_copy("bare", tmp_path / "fresh")


def test_what_is_no_backup_is_refused(new_place, tmp_path):
    (tmp_path / "words.zip").write_text("no zip")
    for name in ("words.zip", "missing.zip"):
        with pytest.raises(BackupError, match="is no backup"):
            read_manifest(tmp_path / name)
    answer = invoke("restore", tmp_path / "words.zip", "--store", new_place)
    assert (answer.exit_code, len(answer.stderr.strip().splitlines())) == (2, 1)


@pytest.mark.both_stores
def test_a_backup_of_an_older_schema_is_brought_forward(lived_in, new_place, tmp_path):
    write_backup(lived_in, tmp_path / "b.zip")
    place = store_place(f"sqlite:///{tmp_path}/older.db")
    engine = backend_of(place).writer_engine()
    with engine.begin() as connection:
        upgrade(connection, "0003")
        found = inspect(connection)
        columns_of_0003 = {
            name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()
        }
    engine.dispose()

    def as_0003(table, part, content):
        kept = [at for at, name in enumerate(part["columns"]) if name in columns_of_0003[table]]
        rows = [json.loads(line) for line in content.splitlines()]
        lines = b"".join(json.dumps([row[at] for at in kept], ensure_ascii=False).encode() + b"\n" for row in rows)
        columns = [part["columns"][at] for at in kept]
        return {**part, "columns": columns, "sha256": hashlib.sha256(lines).hexdigest()}, lines

    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        old = {
            name: as_0003(name, part, archive.read(f"{name}.jsonl"))
            for name, part in json.loads(archive.read("manifest.json"))["parts"].items()
            if name in columns_of_0003.keys() & tables.metadata.tables.keys()
        }

    def older(name, content):
        if name == "manifest.json":
            told = json.loads(content)
            boxes = {name: part for name, part in told["parts"].items() if name not in tables.metadata.tables}
            parts = {table: part for table, (part, _lines) in old.items()}
            return json.dumps({**told, "schema": "0003", "parts": parts | boxes})
        table = name.removesuffix(".jsonl")
        if table not in tables.metadata.tables:
            return content
        return old[table][1] if table in old else None

    rewritten(tmp_path / "b.zip", tmp_path / "old.zip", older)
    assert restore_backup(tmp_path / "old.zip", new_place).schema == "0003"
    with open_store(new_place) as restored:
        assert same_boxes(restored, lived_in)
        with restored.read() as connection:
            assert set(connection.execute(select(tables.case.c.extent_sigma_m2)).scalars()) == {None}


@pytest.mark.both_stores
def test_check_tells_what_is_wrong(lived_in, tmp_path):
    lived_in.write(lambda c: c.exec_driver_sql("DELETE FROM case_box WHERE seq = 2").rowcount)
    gone = next(path for path in (lived_in.evidence_dir / "originals").rglob("*.jpg"))
    gone.unlink()
    answer = invoke("check", "--store", lived_in.url)
    assert answer.exit_code == 1
    said = answer.stdout + answer.stderr
    assert "case 2 has no box" in said
    assert f"{gone} is missing" in said.replace("\n", "")
