"""Evidence packs: what is in them, who may have them, and what the history keeps of it."""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import subprocess
import sys
import zipfile
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pymupdf
import pytest
from dispatch_builders import NOON, an_observation, default_rules, some_evidence
from pack_builders import CARD, CENTRE, FILM, WEIGHTS, a_case, a_pack
from sqlalchemy import select, text, update

from dispatch_api.accounts.model import Actor, Role, system_actor
from dispatch_api.cases.intake import Intake
from dispatch_api.errors import ChainBroken, EvidenceError, Forbidden, InvalidRequest, NotFound
from dispatch_api.evidence.originals import open_original
from dispatch_api.evidence.pack import standalone
from dispatch_api.flights.facts import note_flight
from dispatch_api.store import schema as tables
from dispatch_api.store.history import verify_history


def manifest_of(pack) -> list[dict]:
    with zipfile.ZipFile(pack) as archive:
        return json.loads(archive.read("manifest.json"))["entries"]


def events(store, kind: str) -> list:
    with store.read() as connection:
        return connection.execute(select(tables.event).where(tables.event.c.kind == kind)).all()


@pytest.mark.both_stores
def test_a_pack_holds_everything_of_its_case_and_proves_itself(store, intake, tmp_path):
    number = a_case(store, intake, tmp_path)
    note_flight(store, "flight-1", {"aircraft": "1581F4BND", "purpose": "汛期巡查"}, by=CENTRE)
    made = a_pack(store, number, tmp_path / "pack.zip")
    told = standalone.verify(made.path)
    assert (told.manifest_sha256, told.stamped) == (made.manifest_sha256, False)
    about, *files = manifest_of(made.path)
    by_role = {role: [one for one in files if one["role"] == role] for role in {one["role"] for one in files}}
    assert {role: len(rows) for role, rows in by_role.items()} == {
        **{"original": 2, "redacted": 4, "thumbnail": 2, "map": 1, "report": 2, "telemetry": 2, "model card": 1},
        **{"event log": 2, "verifier": 1, "guide": 1},
    }
    assert about["case"]["number"] == number
    assert about["case"]["ellipse_95"]["major_m"] > 1
    (flight,) = about["flights"]
    assert (flight["aircraft"], flight["purpose"], flight["approval_id"]) == ("1581F4BND", "汛期巡查", "unknown")
    assert len(flight["route"]) == 2
    assert about["models"] == [
        {
            **{"name": "water", "sha256": WEIGHTS, "labels": ["standing_water"]},
            **{"thresholds": {"standing_water": 0.5}, "card": "models/01-card.yaml"},
        }
    ]
    photo, still = by_role["original"]
    assert photo["path"] is None
    assert photo["received_after_s"] == pytest.approx(_at(photo["received_at"]) - _at(photo["captured_at"]))
    assert (photo["pose"]["alt_m"], photo["source"]["kind"], still["pose"]) == (90.0, "photo", "unknown")
    assert photo["findings"][0] | {"threshold": 0.5, "model_sha256": WEIGHTS} == photo["findings"][0]
    assert still["source"] == {
        **{"kind": "video", "source_name": "DJI_0009.MP4", "source_sha256": FILM},
        **{"frame": 1234, "media_time_s": 41.133},
    }
    for copy in (*by_role["redacted"], *by_role["thumbnail"]):
        assert copy["derives_from"][0] in {photo["sha256"], still["sha256"]}


def _at(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@pytest.mark.both_stores
def test_the_event_log_of_a_pack_is_the_stores_own_entry_by_entry(store, intake, tmp_path):
    made = a_pack(store, a_case(store, intake, tmp_path), tmp_path / "pack.zip")
    with zipfile.ZipFile(made.path) as archive:
        told = [json.loads(line) for line in archive.read("history/events.jsonl").splitlines()]
    with store.read() as connection:
        rows = connection.execute(select(tables.event).order_by(tables.event.c.seq)).all()
    kept = {row.seq: row.hash for row in rows if row.case_id == made.case_id and row.kind != "evidence.packed"}
    assert {one["seq"]: one["hash"] for one in told} == kept
    assert len(kept) > 3
    head = manifest_of(made.path)[0]["history"]["head"]
    assert head["hash"] == next(row.hash for row in rows if row.seq == head["seq"])


def test_the_pictures_are_the_redacted_ones_and_no_original_is_inside_unless_asked_for(store, intake, tmp_path):
    number = a_case(store, intake, tmp_path)
    originals = {path.read_bytes() for path in (store.evidence_dir / "originals").rglob("*.jpg")}
    with zipfile.ZipFile(a_pack(store, number, tmp_path / "pack.zip").path) as archive:
        assert originals.isdisjoint(archive.read(name) for name in archive.namelist())
        assert not any(content in archive.read("report.html") for content in originals)
    assert events(store, "evidence.opened") == []
    made = a_pack(store, number, tmp_path / "whole.zip", originals=True, why="法院调取")
    with zipfile.ZipFile(made.path) as archive:
        inside = {archive.read(name) for name in archive.namelist() if name.startswith("originals/")}
    assert inside == originals
    opened = events(store, "evidence.opened")
    assert {json.loads(row.data)["sha256"] for row in opened} == set(made.originals)
    assert {(row.who, row.why, row.case_id) for row in opened} == {("chief", "法院调取", made.case_id)}
    packed = [json.loads(row.data) for row in events(store, "evidence.packed")]
    assert packed[-1]["manifest_sha256"] == made.manifest_sha256
    with store.read() as connection:
        verify_history(connection)


@pytest.mark.parametrize(
    ("actor", "why", "error"),
    [
        (Actor(name="drainer", role=Role.HANDLER, department="drainage"), "法院调取", Forbidden),
        (Actor(name="drainer", role=Role.LEADER, department="drainage"), "法院调取", Forbidden),
        (Actor(name="pilot", role=Role.OPERATOR), "法院调取", Forbidden),
        (Actor(name="keeper", role=Role.ADMIN), "法院调取", Forbidden),
        (system_actor("command-line"), "法院调取", Forbidden),
        (CENTRE, "  ", InvalidRequest),
    ],
)
def test_originals_are_for_the_centre_and_auditors_and_never_without_a_reason(
    store, intake, tmp_path, actor, why, error
):
    number = a_case(store, intake, tmp_path)
    sha256 = next((store.evidence_dir / "originals").rglob("*.jpg")).stem
    with pytest.raises(error):
        a_pack(store, number, tmp_path / "pack.zip", originals=True, by=actor, why=why)
    with pytest.raises(error):
        open_original(store, sha256, by=actor, why=why)
    assert not (tmp_path / "pack.zip").exists()
    assert events(store, "evidence.opened") == []


@pytest.mark.both_stores
def test_opening_an_original_over_the_service_is_logged_with_who_when_why_and_which(store, intake, browser, tmp_path):
    evidence = some_evidence(tmp_path)
    recorded = intake.record(an_observation(evidence=(evidence,)))
    address = f"/api/v1/evidence/{evidence.original_sha256}/original"
    for name, status in (("drainer", 403), ("drain_hand", 403), ("pilot", 403), ("keeper", 403), (None, 401)):
        assert browser(name).post(address, {"reason": "I want to see"}).status_code == status, name
    chief = browser("checker")
    assert chief.post(address, {"reason": " "}).status_code == 422
    assert chief.post(address, {}).status_code == 422
    assert events(store, "evidence.opened") == []
    answer = chief.post(address, {"reason": "复议核对"})
    assert answer.content == evidence.original_path.read_bytes()
    (opened,) = events(store, "evidence.opened")
    assert (opened.who, opened.why, opened.case_id) == ("checker", "复议核对", recorded.case_id)
    assert json.loads(opened.data)["sha256"] == evidence.original_sha256
    assert chief.post(f"/api/v1/evidence/{'0' * 64}/original", {"reason": "复议核对"}).status_code == 404


def test_the_service_hands_out_packs_to_those_who_may_have_originals_and_to_nobody_else(
    store, intake, browser, tmp_path
):
    recorded = intake.record(an_observation(evidence=(some_evidence(tmp_path),)))
    address = f"/api/v1/cases/{recorded.case_id}/evidence-pack"
    assert browser("drainer").post(address, {}).status_code == 403
    answer = browser("chief").post(address, {"originals": True, "reason": "法院调取"})
    (tmp_path / "got.zip").write_bytes(answer.content)
    told = standalone.verify(tmp_path / "got.zip")
    assert told.manifest_sha256 == answer.headers["x-manifest-sha256"]
    assert browser("chief").post(address, {"originals": True}).status_code == 422


def test_the_report_tells_the_case_in_chinese_and_in_english_and_escapes_what_people_wrote(store, intake, tmp_path):
    number = a_case(store, intake, tmp_path)
    made = a_pack(store, number, tmp_path / "pack.zip", why="<script>alert(1)</script>")
    with zipfile.ZipFile(made.path) as archive:
        page = archive.read("report.html").decode()
        printed = pymupdf.open("pdf", archive.read("report.pdf"))
        table = list(csv.DictReader(StringIO(archive.read("telemetry/01-track.csv").decode())))
    for word in ("案件证据报告", "Evidence of a case", number, "误差椭圆", "不证明", "it does not", "SHA-256"):
        assert word in page, word
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    text_of_pdf = "".join(page.get_text() for page in printed)
    assert "案件证据报告" in text_of_pdf
    assert number in text_of_pdf
    fonts = {font[3] for page in printed for font in page.get_fonts()}
    # A name with six letters and a plus is one whose letters are inside.
    assert fonts
    assert all(name[6] == "+" for name in fonts)
    assert len(table) == 3
    made = a_pack(store, number, tmp_path / "english.zip", lang="en")
    with zipfile.ZipFile(made.path) as archive:
        printed = pymupdf.open("pdf", archive.read("report.pdf"))
    assert "Evidence of a case" in "".join(page.get_text() for page in printed)


def test_the_map_is_drawn_from_the_store_alone(store, intake, tmp_path):
    made = a_pack(store, a_case(store, intake, tmp_path), tmp_path / "pack.zip")
    with zipfile.ZipFile(made.path) as archive:
        svg = archive.read("map.svg").decode()
    assert "人民路" in svg
    assert "<ellipse" in svg
    assert "href" not in svg


def test_a_case_without_pictures_or_a_known_flight_still_has_its_pack(store, tmp_path, intake):
    recorded = intake.record(an_observation(flight_id="nobody-knows"))
    made = a_pack(store, recorded.case_id, tmp_path / "pack.zip", cards=())
    about = manifest_of(made.path)[0]
    assert about["flights"][0]["started_at"] == "unknown"
    assert standalone.verify(made.path).files == made.files


def test_what_was_merged_into_a_case_is_in_its_history(store, tmp_path):
    matters, routing = default_rules()
    intake = Intake(store, matters, routing)
    first = intake.record(an_observation())
    second = intake.record(an_observation(lonlat=(118.9, 28.99)))
    with store.read() as connection:
        both = select(tables.event.c.seq).where(tables.event.c.case_id.in_([first.case_id, second.case_id]))
        seqs = set(connection.execute(both).scalars())
    store.write(
        lambda connection: (
            connection.execute(
                update(tables.case).where(tables.case.c.case_id == second.case_id).values(duplicate_of=first.case_id)
            ).rowcount
        )
    )
    made = a_pack(store, first.case_id, tmp_path / "pack.zip")
    with zipfile.ZipFile(made.path) as archive:
        told = {json.loads(line)["seq"] for line in archive.read("history/events.jsonl").splitlines()}
    assert told == seqs


def test_nothing_is_packed_of_what_is_not_as_it_came_in(store, intake, tmp_path):
    number = a_case(store, intake, tmp_path)
    (original, *_) = (store.evidence_dir / "originals").rglob("*.jpg")
    original.chmod(0o644)
    original.write_bytes(original.read_bytes() + b"!")
    with pytest.raises(EvidenceError, match=r"not .* as when it came in"):
        a_pack(store, number, tmp_path / "pack.zip", originals=True, why="法院调取")
    assert not list(tmp_path.glob("pack.zip*"))
    assert events(store, "evidence.opened") == []
    with pytest.raises(NotFound):
        a_pack(store, "20261123-9999", tmp_path / "pack.zip")
    (tmp_path / "there.zip").touch()
    with pytest.raises(EvidenceError, match="is there already"):
        a_pack(store, number, tmp_path / "there.zip")


def test_a_store_whose_history_was_changed_gives_no_evidence(store, intake, tmp_path):
    number = a_case(store, intake, tmp_path)

    def falsify(connection):
        for trigger in (
            connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        ):
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(update(tables.event).where(tables.event.c.seq == 2).values(why="nothing happened"))

    store.write(falsify)
    with pytest.raises(ChainBroken):
        a_pack(store, number, tmp_path / "pack.zip")


def test_an_unpacked_pack_is_checked_by_its_own_verifier_and_by_sha256sum(store, intake, tmp_path):
    made = a_pack(store, a_case(store, intake, tmp_path), tmp_path / "pack.zip", originals=True, why="法院调取")
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(made.path) as archive:
        archive.extractall(folder)
    alone = [sys.executable, "-I", "-W", "error", "verify.py"]
    for arguments in ([], [str(made.path)]):
        told = subprocess.run([*alone, *arguments], cwd=folder, capture_output=True, text=True, check=False, env={})
        assert told.returncode == 0, told.stdout + told.stderr
        assert made.manifest_sha256 in told.stdout
    coreutils = ["sha256sum", "-c", "--strict", "--status", "digests.txt"]
    assert subprocess.run(coreutils, cwd=folder, check=False).returncode == 0
    spoilt = folder / "pictures" / "002-whole.jpg"
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"?")
    told = subprocess.run(alone, cwd=folder, capture_output=True, text=True, check=False, env={})
    assert told.returncode == 1
    assert "pictures/002-whole.jpg" in told.stdout
    assert subprocess.run(coreutils, cwd=folder, check=False).returncode == 1
    assert subprocess.run([*alone, "nowhere.zip"], cwd=folder, capture_output=True, check=False).returncode == 2


def test_the_verifier_in_the_pack_needs_nothing_but_the_standard_library():
    source = Path(standalone.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names <= sys.stdlib_module_names


def test_the_same_moment_gives_the_same_manifest_but_for_the_reports(store, intake, tmp_path):
    number = a_case(store, intake, tmp_path)
    moment = NOON + timedelta(days=1)
    packs = [
        a_pack(store, number, tmp_path / f"{n}.zip", now=lambda: moment, tick=lambda done, total: None)
        for n in range(2)
    ]
    digests = [
        {one["path"]: one["sha256"] for one in manifest_of(pack.path)[1:] if one["role"] not in ("report", "event log")}
        for pack in packs
    ]
    assert digests[0] == digests[1]
    assert hashlib.sha256(CARD.text).hexdigest() in digests[0].values()


def test_a_department_does_not_read_who_opened_an_original(store, intake, browser, tmp_path):
    evidence = some_evidence(tmp_path)
    recorded = intake.record(an_observation(evidence=(evidence,)))
    open_original(store, evidence.original_sha256, by=CENTRE, why="复议核对")
    seen = {}
    for name in ("drainer", "drain_hand", "checker"):
        told = browser(name).json(f"/api/v1/cases/{recorded.case_id}")
        seen[name] = {one["kind"] for one in told["events"]}
    assert "evidence.opened" in seen["checker"]
    assert "evidence.opened" not in seen["drainer"] | seen["drain_hand"]
    assert seen["drainer"]
