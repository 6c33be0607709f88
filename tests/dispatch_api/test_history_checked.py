"""A history that was checked once is not walked again, and what is changed in it is found all the same."""

from __future__ import annotations

import hashlib
import json
import random
import zipfile

import pytest
from dispatch_builders import NOON, an_observation
from pack_builders import a_case, a_pack, rewritten
from sqlalchemy import insert, select, text

from dispatch_api.errors import ChainBroken
from dispatch_api.evidence.pack import standalone
from dispatch_api.evidence.pack.building import has_same_history
from dispatch_api.store import schema as tables
from dispatch_api.store.checked import BLOCK, CheckedHistory
from dispatch_api.store.history import GENESIS_HASH, entry_hash, verify_history
from dispatch_api.store.merkle import path_of, root_of


def lengthen(store, entries: int, *, word: str = "x") -> None:
    """Write so many entries at the end of the history, as others would have."""
    with store.read() as connection:
        last = connection.execute(
            select(tables.event.c.seq, tables.event.c.hash).order_by(tables.event.c.seq.desc()).limit(1)
        ).first()
    seq, previous = (last.seq, last.hash) if last else (0, GENESIS_HASH)
    rows = []
    for number in range(seq + 1, seq + 1 + entries):
        values = {
            "seq": number, "at": NOON, "who": "system:test", "kind": "test.entry", "case_id": None, "task_id": None,
            "from_state": None, "to_state": None, "why": word, "data": "{}", "previous_hash": previous,
        }  # fmt: skip
        previous = entry_hash(values)
        rows.append({**values, "hash": previous})
    store.write(lambda connection: connection.execute(insert(tables.event), rows).rowcount)


def change(store, sql: str, **values) -> None:
    """Do what the database refuses, as whoever owns it could."""
    seals = ("event_no_update", "event_no_delete") if store.url.startswith("sqlite") else ("event_only_grows ON event",)

    def work(connection) -> int:
        for seal in seals:
            connection.execute(text(f"DROP TRIGGER IF EXISTS {seal}"))
        return connection.execute(text(sql), values).rowcount

    store.write(work)


def check(store, wanted=()):
    with store.read() as connection:
        return CheckedHistory(store).check(connection, wanted)


def the_root(hashes: list[str]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if len(hashes) == 1:
        return hashlib.sha256(b"\0" + bytes.fromhex(hashes[0])).digest()
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\1" + the_root(hashes[:k]) + the_root(hashes[k:])).digest()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 64, 100, 129])
def test_the_tree_is_that_of_the_rfc_and_every_entry_can_be_led_up_to_its_root(size):
    hashes = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(size)]
    root = root_of(hashes)
    assert root == the_root(hashes).hex()
    for place, own in enumerate(hashes):
        path = path_of(hashes, place)
        assert standalone._root_by(own, place, size, path) == root
        assert standalone._root_by(own, (place + 1) % size, size, path) != root or size == 1
        if path:
            assert standalone._root_by(own, place, size, path[:-1]) != root
            assert standalone._root_by(own, place, size, [*path, path[0]]) != root


@pytest.mark.both_stores
def test_only_what_is_new_or_asked_for_is_walked_the_second_time(store):
    lengthen(store, 3 * BLOCK + 100)
    assert check(store).walked == 3 * BLOCK + 100
    assert check(store).walked == 100
    told = check(store, [5, BLOCK + 7, BLOCK + 8])
    assert (told.walked, told.entries) == (2 * BLOCK + 100, 3 * BLOCK + 100)
    lengthen(store, 2 * BLOCK)
    assert check(store).walked == 2 * BLOCK + 100
    assert check(store).walked == 100
    with store.read() as connection:
        hashes = list(connection.execute(select(tables.event.c.hash).order_by(tables.event.c.seq)).scalars())
    told = check(store, [1, BLOCK, BLOCK + 1, 5 * BLOCK, 5 * BLOCK + 100])
    assert told.root == the_root(hashes).hex()
    for seq, path in told.paths.items():
        assert standalone._root_by(hashes[seq - 1], seq - 1, told.entries, path) == told.root
    with store.read() as connection:
        for size in (1, BLOCK, BLOCK + 1, 3 * BLOCK + 100):
            assert CheckedHistory(store).root_at(connection, size) == the_root(hashes[:size]).hex()
        assert CheckedHistory(store).root_at(connection, 6 * BLOCK) is None


def test_a_history_written_anew_hashes_and_all_is_found_out_where_walking_finds_nothing(store):
    lengthen(store, 2 * BLOCK + 10)
    check(store)
    change(store, "delete from event where seq > 100")
    lengthen(store, 2 * BLOCK - 90, word="another story")
    with store.read() as connection:
        assert verify_history(connection) == 2 * BLOCK + 10
    with pytest.raises(ChainBroken, match="another one since it was checked"):
        check(store)


def test_a_history_that_was_cut_is_found_out(store):
    lengthen(store, 2 * BLOCK + 10)
    check(store)
    change(store, "delete from event where seq > :last", last=2 * BLOCK - 1)
    with pytest.raises(ChainBroken, match="missing"):
        check(store)


def test_a_changed_entry_is_found_in_what_is_asked_for_and_by_walking_everything(store):
    lengthen(store, 2 * BLOCK + 10)
    check(store)
    change(store, "update event set why = 'changed' where seq = 50")
    with pytest.raises(ChainBroken, match="content was changed"):
        check(store, [60])
    # This is what checking in part cannot tell, and says so.
    assert check(store, [BLOCK + 1]).walked == BLOCK + 10
    with store.read() as connection, pytest.raises(ChainBroken):
        verify_history(connection)


def test_what_was_kept_cannot_be_made_to_say_another_thing_and_without_it_everything_is_walked(store):
    lengthen(store, BLOCK + 10)
    check(store)
    (kept,) = store.evidence_dir.parent.glob("*history-checked.json")
    for spoilt in ("", "[]", '{"blocks": 3}', "null"):
        kept.write_text(spoilt)
        assert check(store).walked == BLOCK + 10
    raw = json.loads(kept.read_text())
    raw["blocks"][0][1] = "0" * 64
    kept.write_text(json.dumps(raw))
    with pytest.raises(ChainBroken):
        check(store, [5])


@pytest.mark.both_stores
def test_a_pack_proves_where_its_entries_stand_in_a_long_history(store, intake, tmp_path):
    lengthen(store, BLOCK)
    number = a_case(store, intake, tmp_path)
    lengthen(store, 2 * BLOCK)
    intake.record(an_observation(key="flight-1:9", matter="waterlogging.road"))
    first = a_pack(store, number, tmp_path / "first.zip")
    again = a_pack(store, number, tmp_path / "again.zip")
    about = standalone.verify(first.path).about
    size = about["history"]["tree"]["size"]
    assert size == about["history"]["head"]["seq"]
    assert about["history"]["entries_checked"] == size
    assert standalone.verify(again.path).about["history"]["entries_checked"] < 2 * BLOCK
    assert has_same_history(store, standalone.verify(first.path))
    # Whoever writes the store anew, hashes and all, is told on by every pack that was made before.
    change(store, "delete from event where seq > :last", last=3 * BLOCK)
    lengthen(store, size, word="another story")
    for kept in store.evidence_dir.parent.glob("*history-checked.json"):
        kept.unlink()
    assert not has_same_history(store, standalone.verify(first.path))


def test_no_byte_of_the_places_can_be_changed_without_being_named(store, intake, tmp_path):
    lengthen(store, BLOCK)
    made = a_pack(store, a_case(store, intake, tmp_path), tmp_path / "pack.zip")
    raw = made.path.read_bytes()
    with zipfile.ZipFile(made.path) as archive:
        info = archive.getinfo(standalone.PLACES)
        places = archive.read(standalone.PLACES)
    start = raw.index(places)
    chance = random.Random(7)
    for at in [start, start + info.file_size - 1, *(start + chance.randrange(info.file_size) for _ in range(40))]:
        (tmp_path / "spoilt.zip").write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        with pytest.raises(standalone.Wrong, match=r"history/places\.json"):
            standalone.verify(tmp_path / "spoilt.zip")


def test_a_manifest_that_was_made_to_fit_other_places_is_told_by_the_places_themselves(store, intake, tmp_path):
    lengthen(store, BLOCK)
    made = a_pack(store, a_case(store, intake, tmp_path), tmp_path / "pack.zip")

    def moved(members: dict[str, bytes]) -> dict[str, bytes]:
        """Claim that the history was another one, with every hash of the pack made anew."""
        entries = json.loads(members["manifest.json"])["entries"]
        entries[0]["history"]["tree"]["root"] = "12" * 32
        previous = standalone.GENESIS
        for entry in entries:
            entry["previous_entry"] = previous
            entry["entry_sha256"] = previous = standalone.entry_sha256(entry)
        return {**members, "manifest.json": standalone.manifest_bytes(entries)}

    with pytest.raises(standalone.Wrong, match="does not lead from event"):
        standalone.verify(rewritten(made.path, tmp_path / "moved.zip", moved))


def test_a_pack_of_the_first_format_which_says_no_places_is_still_verified(store, intake, tmp_path):
    made = a_pack(store, a_case(store, intake, tmp_path), tmp_path / "pack.zip")
    with zipfile.ZipFile(made.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    del members[standalone.PLACES]
    entries = [one for one in json.loads(members["manifest.json"])["entries"] if one.get("path") != standalone.PLACES]
    del entries[0]["history"]["tree"]
    previous = standalone.GENESIS
    for number, entry in enumerate(entries):
        entry |= {"n": number, "previous_entry": previous}
        entry["entry_sha256"] = previous = standalone.entry_sha256(entry)
    old = standalone.manifest_bytes(entries, "flyonce-evidence-pack/1")
    kept = {"manifest.json": old, **{one["path"]: members[one["path"]] for one in entries[1:] if one["path"]}}
    digests = [(name, hashlib.sha256(content).hexdigest()) for name, content in kept.items()]
    for name, content in {**kept, standalone.DIGESTS: standalone.digests_bytes(digests)}.items():
        place = tmp_path / "old" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    told = standalone.verify(tmp_path / "old")
    assert has_same_history(store, told)
    # A pack of today that leaves its places out is none of yesterday.
    (tmp_path / "old" / "manifest.json").write_bytes(standalone.manifest_bytes(entries))
    with pytest.raises(standalone.Wrong, match="where in the history"):
        standalone.verify(tmp_path / "old")
