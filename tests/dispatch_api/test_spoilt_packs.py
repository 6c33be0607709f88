"""A pack of which one byte is not as it was is found out, and the first such file or entry is named."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import stat
import zipfile
from pathlib import Path

import pytest
from dispatch_builders import an_observation, default_rules, some_evidence
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pack_builders import a_case, a_pack, another_picture, rewritten

from dispatch_api.cases.intake import Intake
from dispatch_api.evidence.pack import standalone
from dispatch_api.evidence.pack.standalone import Wrong, entry_sha256, manifest_bytes, verify
from dispatch_api.store import open_store


@pytest.fixture(scope="module")
def pack(templates, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    shutil.copy(templates[0], folder / "city.db")
    with open_store(f"sqlite:///{folder}/city.db") as store:
        number = a_case(store, Intake(store, *default_rules()), folder)
        return a_pack(store, number, folder / "pack.zip", originals=True, why="法院调取").path


def members_of(pack: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def found_in(path: Path) -> str:
    with pytest.raises(Wrong) as caught:
        verify(path)
    return caught.value.where


def own_names() -> list[str]:
    """What every pack of this case holds, to generate tests from."""
    pictures = [f"pictures/00{n}-{kind}.jpg" for n in (1, 2) for kind in ("boxes", "whole", "thumbnail")]
    originals = [f"originals/00{n}.jpg" for n in (1, 2)]
    plain = [
        "report.html",
        "report.pdf",
        "history/events.jsonl",
        "history/places.json",
        "map.svg",
        "verify.py",
        "readme.txt",
        "digests.txt",
    ]
    return [*pictures, *originals, *plain, "telemetry/01-track.csv", "telemetry/01-photos.csv", "models/01-card.yaml"]


def test_the_pack_of_these_tests_is_intact_and_holds_the_members_that_are_spoilt(pack):
    assert {*own_names(), "manifest.json"} == set(members_of(pack))
    assert verify(pack).files == len(members_of(pack))


@pytest.mark.parametrize("name", own_names())
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_a_changed_byte_in_any_member_names_that_member(pack, tmp_path, name, where):
    content = members_of(pack)[name]
    at = {"first": 0, "middle": len(content) // 2, "last": len(content) - 1}[where]
    changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    out = rewritten(pack, tmp_path / "spoilt.zip", lambda members: {**members, name: changed})
    assert found_in(out).startswith(name)


@pytest.mark.parametrize("name", [*own_names(), "manifest.json"])
def test_a_removed_member_is_named(pack, tmp_path, name):
    out = rewritten(pack, tmp_path / "spoilt.zip", lambda m: {key: m[key] for key in m if key != name})
    assert found_in(out) == name


@pytest.mark.parametrize("name", [*own_names(), "manifest.json"])
def test_a_longer_or_shorter_or_empty_member_is_named(pack, tmp_path, name):
    for number, change in enumerate((lambda c: c + b"\n", lambda c: c[:-1], lambda c: b"")):
        out = rewritten(pack, tmp_path / f"{number}.zip", lambda m, change=change: {**m, name: change(m[name])})
        assert found_in(out).startswith(name)


@pytest.mark.parametrize("name", ["extra.txt", "pictures/003-boxes.jpg", "manifest.tsr.bak"])
def test_a_member_that_was_slipped_in_is_named(pack, tmp_path, name):
    out = rewritten(pack, tmp_path / "spoilt.zip", lambda members: {**members, name: b"x"})
    assert found_in(out) == name


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_a_flipped_byte_anywhere_in_the_file_is_found_out(pack, tmp_path, share, mask):
    content = bytearray(pack.read_bytes())
    content[int(share * len(content))] ^= mask
    out = tmp_path / "spoilt.zip"
    out.write_bytes(content)
    found_in(out)


def test_a_flipped_byte_anywhere_in_the_zips_own_structures_is_found_out(pack, tmp_path):
    whole = pack.read_bytes()
    contents: set[int] = set()
    with zipfile.ZipFile(pack) as archive:
        for info in archive.infolist():
            start = info.header_offset + 30 + len(info.filename)
            contents.update(range(start, start + info.file_size))
    structure = [at for at in range(len(whole)) if at not in contents]
    assert len(structure) > 20 * 76
    out = tmp_path / "spoilt.zip"
    # Every byte of the first header, of the last lines of the directory and of the end; of the rest a fixed choice.
    some = {*structure[:60], *structure[-120:], *random.Random(7).sample(structure, 120)}
    for at in some:
        out.write_bytes(whole[:at] + bytes([whole[at] ^ 0x11]) + whole[at + 1 :])
        found_in(out)


def test_what_is_put_before_behind_or_between_is_found_out(pack, tmp_path):
    whole, out = pack.read_bytes(), tmp_path / "spoilt.zip"
    second = whole.index(b"PK\3\4", 10)
    for changed in (b"#!/bin/sh\n" + whole, whole + b"\0", whole[:second] + b"hidden" + whole[second:], whole[:-1]):
        out.write_bytes(changed)
        found_in(out)
    with zipfile.ZipFile(pack) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.comment = b"hello"
    assert found_in(out).startswith(standalone.ZIP_ITSELF)


def test_a_pack_that_was_only_packed_anew_is_whole_when_unpacked(pack, tmp_path):
    again = rewritten(pack, tmp_path / "again.zip", lambda members: members)
    assert found_in(again).startswith(standalone.ZIP_ITSELF)
    with zipfile.ZipFile(again) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert verify(tmp_path / "unpacked").manifest_sha256 == verify(pack).manifest_sha256


def manifest_with(members: dict[str, bytes], change, *, chained: bool) -> bytes:
    """The manifest after `change` of its entries, their hashes taken anew where `chained`."""
    entries = json.loads(members["manifest.json"])["entries"]
    change(entries)
    if chained:
        previous = standalone.GENESIS
        for number, entry in enumerate(entries):
            entry |= {"n": number, "previous_entry": previous}
            entry["entry_sha256"] = previous = entry_sha256(entry)
    return manifest_bytes(entries)


def test_a_manifest_rewritten_without_its_chain_names_the_entry(pack, tmp_path):
    def spoil(entries):
        entries[5]["captured_at"] = "2020-01-01T00:00:00Z"

    out = rewritten(
        pack, tmp_path / "spoilt.zip", lambda m: {**m, "manifest.json": manifest_with(m, spoil, chained=False)}
    )
    assert found_in(out) == "manifest.json, entry 5"
    for number, change in enumerate((lambda e: e.pop(4), lambda e: e.insert(4, e[4]), lambda e: e.reverse())):
        out = rewritten(
            pack,
            tmp_path / f"{number}.zip",
            lambda m, change=change: {**m, "manifest.json": manifest_with(m, change, chained=False)},
        )
        assert found_in(out).startswith("manifest.json, entry ")


def test_a_picture_exchanged_together_with_its_line_in_the_manifest_breaks_the_chain(pack, tmp_path):
    name = "pictures/001-boxes.jpg"

    def change(members):
        def spoil(entries):
            entry = next(one for one in entries[1:] if one["path"] == name)
            content = another_picture()
            entry |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

        manifest = manifest_with(members, spoil, chained=False)
        return {**members, name: another_picture(), "manifest.json": manifest}

    assert found_in(rewritten(pack, tmp_path / "spoilt.zip", change)).startswith("manifest.json, entry ")


def test_a_manifest_whose_bytes_between_the_entries_were_changed_is_found_out(pack, tmp_path):
    def other(change):
        return rewritten(pack, tmp_path / "spoilt.zip", lambda m: {**m, "manifest.json": change(m["manifest.json"])})

    for change in (
        lambda raw: raw.replace(b'\n "entries"', b'\n  "entries"', 1),
        lambda raw: raw + b" ",
        lambda raw: raw.replace(b'"format"', b'"slipped": 1,\n "format"', 1),
        lambda raw: raw.replace(b'"format"', b'"format": 1,\n "format"', 1),
        lambda raw: b"\xff" + raw,
        lambda raw: raw.decode().encode("utf-16"),
        lambda raw: b"[" * 100_000,
        lambda raw: b"{}",
        lambda raw: b"null",
        lambda raw: b'{"format": "flyonce-evidence-pack/1", "entries": [], "head": NaN}',
    ):
        assert found_in(other(change)).startswith("manifest.json")


def lines_of(members: dict[str, bytes]) -> list[bytes]:
    return members["history/events.jsonl"].splitlines(keepends=True)


@pytest.mark.parametrize(
    ("change", "entry"),
    [
        (lambda lines: [*lines[:2], *lines[3:]], 3),
        (lambda lines: lines[:-1], None),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], 2),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], 3),
        (lambda lines: [*lines[:2], lines[2].replace(b'"why":"', b'"why":"x'), *lines[3:]], 3),
        (lambda lines: [*lines[:2], b"not json\n", *lines[3:]], 3),
        (lambda lines: [*lines[:2], b"\xff\xfe\n", *lines[3:]], 3),
        (lambda lines: [*lines[:2], b" " + lines[2], *lines[3:]], 3),
    ],
)
@pytest.mark.parametrize("covered", [False, True])
def test_events_that_were_cut_moved_changed_or_slipped_in_name_the_entry(pack, tmp_path, change, entry, covered):
    """Even where the manifest's line of the log was adapted, its chain with it: the entries' own hashes tell."""

    def spoil(members):
        log = b"".join(change(lines_of(members)))
        spoilt = {**members, "history/events.jsonl": log}
        if covered:

            def adapt(entries):
                line = next(one for one in entries[1:] if one["path"] == "history/events.jsonl")
                line |= {"sha256": hashlib.sha256(log).hexdigest(), "bytes": len(log)}

            spoilt["manifest.json"] = manifest_with(members, adapt, chained=True)
        return spoilt

    number = len(lines_of(members_of(pack))) if entry is None else entry
    out = rewritten(pack, tmp_path / "spoilt.zip", spoil)
    assert found_in(out) == f"history/events.jsonl, entry {number}"


def test_an_event_rewritten_with_a_new_hash_of_its_own_is_found_out(pack, tmp_path):
    def spoil(members):
        lines = lines_of(members)
        event = json.loads(lines[1]) | {"who": "somebody else"}
        del event["hash"]
        event["hash"] = standalone.sha256_of_text(standalone.canonical(event))
        lines[1] = f"{standalone.canonical(event)}\n".encode()
        return {**members, "history/events.jsonl": b"".join(lines)}

    assert found_in(rewritten(pack, tmp_path / "spoilt.zip", spoil)) == "history/events.jsonl, entry 2"


@pytest.mark.parametrize(
    "name",
    [
        *("../evil.txt", "/etc/passwd", "pictures/../../evil", "C:\\evil.txt", "pictures\\evil.jpg", "./a", "a//b"),
        *("图片.jpg", "A.JPG", "a\x00b", "a b", "con/", ".hidden", "a/b/c/d/e/f", "x" * 200, ""),
    ],
)
def test_names_that_lead_out_or_look_alike_are_refused_before_anything_is_read(pack, tmp_path, name):
    out = tmp_path / "spoilt.zip"
    with zipfile.ZipFile(pack) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.namelist():
            new.writestr(member, old.read(member))
        info = zipfile.ZipInfo("placeholder")
        info.filename = info.orig_filename = name
        new.writestr(info, b"x")
    with pytest.raises(Wrong, match="name that no file of a pack has"):
        verify(out)


def test_two_members_of_one_name_are_refused(pack, tmp_path):
    out = tmp_path / "spoilt.zip"
    shutil.copy(pack, out)
    with zipfile.ZipFile(out, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("map.svg", b"<svg/>")
    with pytest.raises(Wrong, match=r"map\.svg: is there twice"):
        verify(out)


def test_a_zip_that_swells_is_refused_without_unpacking_it(pack, tmp_path):
    out = tmp_path / "spoilt.zip"
    members = members_of(pack)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in members.items():
            new.writestr(name, content)
        with new.open("bomb.bin", "w") as file:
            for _ in range(90):
                file.write(bytes(1 << 20))
    with pytest.raises(Wrong, match=r"bomb\.bin: would swell"):
        verify(out)
    # A known member that claims to be far larger than the manifest says is not even read.
    out = rewritten(pack, tmp_path / "large.zip", lambda m: {**m, "map.svg": bytes(8 << 20)})
    assert found_in(out) == "map.svg"


def test_links_and_encrypted_members_are_refused(pack, tmp_path):
    out = tmp_path / "spoilt.zip"
    link = zipfile.ZipInfo("map.svg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(pack) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(link if name == "map.svg" else name, old.read(name))
    with pytest.raises(Wrong, match=r"map\.svg: is a link"):
        verify(out)
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(folder)
    (folder / "map.svg").rename(tmp_path / "elsewhere.svg")
    (folder / "map.svg").symlink_to(tmp_path / "elsewhere.svg")
    assert found_in(folder) == "map.svg"


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all" * 100, b"PK\5\6" + bytes(18)])
def test_what_is_no_pack_is_said_to_be_none(tmp_path, content):
    out = tmp_path / "some.zip"
    out.write_bytes(content)
    assert found_in(out) in {standalone.ZIP_ITSELF, "manifest.json"}


def test_digests_that_were_changed_do_not_blame_a_file_that_is_whole(pack, tmp_path):
    def swap(raw: bytes) -> bytes:
        lines = raw.splitlines(keepends=True)
        return b"".join([lines[1], lines[0], *lines[2:]])

    for number, change in enumerate((swap, lambda raw: raw.upper(), lambda raw: raw.replace(b"\n", b"\r\n"))):
        out = rewritten(
            pack, tmp_path / f"{number}.zip", lambda m, change=change: {**m, "digests.txt": change(m["digests.txt"])}
        )
        assert found_in(out) == "digests.txt"


def test_a_pack_of_a_case_with_one_picture_is_no_different(templates, tmp_path):
    shutil.copy(templates[0], tmp_path / "city.db")
    with open_store(f"sqlite:///{tmp_path}/city.db") as store:
        recorded = Intake(store, *default_rules()).record(an_observation(evidence=(some_evidence(tmp_path),)))
        made = a_pack(store, recorded.case_id, tmp_path / "small.zip")
    assert verify(made.path).manifest_sha256 == made.manifest_sha256
