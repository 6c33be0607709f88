"""`flyonce dataset export`: verdicts become a set that training and evaluation read, and nothing else becomes one."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from argon2 import PasswordHasher
from PIL import Image
from sqlalchemy import select
from typer.testing import CliRunner
from verdict_builders import SIZE_WH, City, a_chief, a_finding, a_picture

from dispatch_api.accounts.passwords import Passwords
from dispatch_api.accounts.service import create_account
from dispatch_api.errors import EvidenceError, Forbidden
from dispatch_api.store import migrate, open_store
from dispatch_api.store.history import verify_history
from dispatch_api.store.schema import event
from dispatch_api.verdicts.service import VerdictDesk
from flyonce.cli import dataset as command
from flyonce.dataset import NothingToExport, Opening, export_dataset
from vision.detections import LABELS
from vision.training.dataset import read_data_set
from vision.training.errors import BadDataSetError

QUICK = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
GREY = (114, 114, 114)


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A store with a reviewer and a pilot, made once."""
    path = tmp_path_factory.mktemp("store") / "city.db"
    migrate(f"sqlite:///{path}")
    with open_store(f"sqlite:///{path}") as store:
        a_chief(store, QUICK)
        create_account(store, "pilot", "a-long-password", "operator", passwords=QUICK)
    return path


@pytest.fixture
def city(template, tmp_path):
    shutil.copy(template, tmp_path / "city.db")
    with open_store(f"sqlite:///{tmp_path}/city.db") as store:
        desk = VerdictDesk(store)
        actor = desk.opener("chief")
        from dispatch_api.accounts.model import Account

        chief = Account(
            account_id=1, name=actor.name, display_name_zh="", display_name_en="", role=actor.role, department=None
        )
        yield City(store, tmp_path, chief)


def rows_of(folder: Path) -> list[dict]:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def labels_of(folder: Path, row: dict) -> list[list[float]]:
    text = (folder / "labels" / row["split"] / row["name"]).with_suffix(".txt").read_text()
    return [[float(word) for word in line.split()] for line in text.splitlines()]


def picture_of(folder: Path, row: dict) -> np.ndarray:
    return cv2.imread(str(folder / "images" / row["split"] / row["name"]))


def files_of(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def kinds_in_history(store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(select(event.c.kind).order_by(event.c.seq)).scalars())


def test_a_confirmed_case_becomes_a_labelled_cut_out_where_the_thing_is(city, tmp_path):
    city.confirm(city.case("waste"))
    export_dataset(city.store, tmp_path / "set")
    (row,) = rows_of(tmp_path / "set")
    ((class_id, x, y, width, height),) = labels_of(tmp_path / "set", row)
    image = picture_of(tmp_path / "set", row)
    assert LABELS[int(class_id)] == "waste"
    left, top, *_ = row["window_xyxy_px"]
    size_x, size_y = image.shape[1], image.shape[0]
    assert (x * size_x + left, y * size_y + top) == pytest.approx((550, 440), abs=0.5)
    assert (width * size_x, height * size_y) == pytest.approx((100, 80), abs=0.5)
    assert (size_x, size_y) == (640, 640)


def test_the_manifest_says_who_by_role_which_model_and_which_original(city, tmp_path):
    recorded = city.case("waste")
    city.reject(recorded, code="lookalike", reason="这是沙堆")
    export_dataset(city.store, tmp_path / "set")
    (row,) = rows_of(tmp_path / "set")
    assert row["case_number"] == recorded.case_number
    assert (row["verdict"], row["reason_code"], row["reason"]) == ("rejected", "lookalike", "这是沙堆")
    assert (row["role"], row["model"], row["model_sha256"]) == ("centre", "objects", "ab" * 32)
    assert row["original_sha256"] == hashlib.sha256((tmp_path / "P0001.jpg").read_bytes()).hexdigest()
    assert row["ground_resolution_m"] == 0.03
    assert "chief" not in (tmp_path / "set" / "manifest.json").read_text(encoding="utf-8")
    with (tmp_path / "set" / "manifest.csv").open(encoding="utf-8") as file:
        (told,) = csv.DictReader(file)
    assert (told["case_number"], told["confidence"]) == (recorded.case_number, "0.7")


def test_a_false_alarm_is_a_hard_negative_and_an_allowed_thing_is_a_label(city, tmp_path):
    city.reject(city.case("waste"), code="shadow_or_reflection")
    city.reject(city.case("waste", east_m=500), code="lawful")
    city.reject(city.case("waste", east_m=1000), reason="不是垃圾")
    export_dataset(city.store, tmp_path / "set")
    found = {row["reason_code"]: labels_of(tmp_path / "set", row) for row in rows_of(tmp_path / "set")}
    assert found["shadow_or_reflection"] == found[None] == []
    assert len(found["lawful"]) == 1
    with (tmp_path / "set" / "hard_negatives.csv").open(encoding="utf-8") as file:
        negatives = list(csv.DictReader(file))
    assert [row["reason_code"] for row in negatives] == ["shadow_or_reflection", ""]


def test_a_rejected_angler_is_no_negative_unless_the_reviewer_says_that_nobody_is_there(city, tmp_path):
    tiny = {"box": (500.0, 400.0, 512.0, 425.0)}
    city.reject(city.case("person", **tiny), reason="只是散步")
    city.reject(city.case("person", east_m=500, **tiny), code="lawful")
    city.reject(city.case("person", east_m=1000, **tiny), code="nothing_there")
    result = export_dataset(city.store, tmp_path / "set")
    assert [len(labels_of(tmp_path / "set", row)) for row in rows_of(tmp_path / "set")] == [1, 0]
    assert result.pictures["uncertain"] == 1
    waiting = json.loads((tmp_path / "set" / "uncertain" / "manifest.json").read_text(encoding="utf-8"))
    assert waiting[0]["reason"] == "只是散步"


def test_what_nobody_judged_is_painted_over_and_listed_and_never_background(city, tmp_path):
    unjudged = a_finding("vehicle", (700.0, 420.0, 780.0, 470.0))
    doubtful = a_finding("waste", (400.0, 600.0, 440.0, 640.0), confidence=0.52, believed=False)
    city.confirm(city.case("waste", others=(unjudged, doubtful)))
    export_dataset(city.store, tmp_path / "set")
    (row,) = rows_of(tmp_path / "set")
    image = picture_of(tmp_path / "set", row)
    left, top, *_ = row["window_xyxy_px"]
    for finding in (unjudged, doubtful):
        x0, y0, x1, y1 = (int(side) for side in finding.box_xyxy_px)
        inside = image[y0 - top + 8 : y1 - top - 8, x0 - left + 8 : x1 - left - 8].astype(int)
        assert np.abs(inside - GREY).max() <= 12
    mine = image[400 - top : 480 - top, 500 - left : 600 - left].astype(int)
    assert (np.abs(mine - GREY).max(axis=2) > 12).mean() > 0.5
    assert len(labels_of(tmp_path / "set", row)) == 1
    ignored = (tmp_path / "set" / "ignored" / row["split"] / row["name"]).with_suffix(".txt").read_text()
    assert sorted(LABELS[int(line.split()[0])] for line in ignored.splitlines()) == ["vehicle", "waste"]


def test_a_second_answer_for_the_same_thing_does_not_paint_it_over(city, tmp_path):
    again = a_finding("waste", (505.0, 405.0, 605.0, 485.0), confidence=0.5, believed=False)
    city.confirm(city.case("waste", others=(again,)))
    export_dataset(city.store, tmp_path / "set")
    (row,) = rows_of(tmp_path / "set")
    assert (np.abs(picture_of(tmp_path / "set", row).astype(int) - GREY).max(axis=2) > 12).mean() > 0.8
    assert len(labels_of(tmp_path / "set", row)) == 1


def test_two_judged_things_in_one_picture_label_each_other(city, tmp_path):
    heap = (700.0, 420.0, 780.0, 470.0)
    first = a_picture(tmp_path, "both.jpg", others=(a_finding("waste", heap),))
    second = a_picture(tmp_path, "both.jpg", box=heap, others=(a_finding("waste", (500.0, 400.0, 600.0, 480.0)),))
    assert first.original_sha256 == second.original_sha256
    city.confirm(city.case(picture=first))
    city.reject(city.case(picture=second, east_m=20), code="lookalike")
    export_dataset(city.store, tmp_path / "set")
    rows = rows_of(tmp_path / "set")
    assert [len(labels_of(tmp_path / "set", row)) for row in rows] == [1, 1]
    assert not list((tmp_path / "set" / "ignored").rglob("*.txt"))
    assert len({row["split"] for row in rows}) == 1


def test_where_the_surroundings_are_unknown_only_the_thing_itself_is_cut_out(city, tmp_path):
    city.confirm(city.case("waste", known=False))
    export_dataset(city.store, tmp_path / "set")
    (row,) = rows_of(tmp_path / "set")
    assert row["window_xyxy_px"] == [490, 392, 610, 488]
    assert row["surroundings_known"] is False


def test_water_is_a_mask_that_knows_only_what_the_verdict_says(city, tmp_path):
    pool = ((500.0, 400.0), (600.0, 400.0), (600.0, 480.0), (500.0, 480.0))
    city.confirm(city.case("standing_water", polygon=pool))
    city.reject(city.case("standing_water", polygon=pool, east_m=800), code="wet_ground")
    export_dataset(city.store, tmp_path / "set")
    masks = []
    for row in rows_of(tmp_path / "set"):
        path = (tmp_path / "set" / "masks" / row["split"] / row["name"]).with_suffix(".png")
        masks.append(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    assert [sorted(np.unique(mask)) for mask in masks] == [[1, 255], [0, 255]]
    assert (masks[0] == 1).sum() == pytest.approx(100 * 80, rel=0.03)
    listed = "".join((tmp_path / "set" / f"water_{part}.txt").read_text() for part in ("train", "val", "test"))
    assert len(listed.splitlines()) == 2


def test_the_set_is_read_by_what_evaluates_and_trains(city, tmp_path):
    city.confirm(city.case("waste"))
    city.reject(city.case("standing_water", east_m=800), code="wet_ground")
    export_dataset(city.store, tmp_path / "set")
    data = read_data_set(tmp_path / "set")
    assert data.names == LABELS
    assert data.notes == ()
    by_label = {next(iter(sample.labelled)): sample for sample in data.samples}
    assert [shape.label for shape in data.shapes(by_label["waste"])] == ["waste"]
    assert by_label["standing_water"].mask_path is not None
    water = read_data_set(tmp_path / "set" / "water.yaml")
    assert [sample.path.resolve() for sample in water.samples] == [by_label["standing_water"].path.resolve()]
    assert water.ignored_value == 255


def test_an_export_twice_is_the_same_and_a_later_one_moves_no_sample(city, tmp_path):
    # So many that they are hardly ever all in one part: 0.7 to this power.
    places = 24
    for n in range(places):
        recorded = city.case("waste", east_m=200.0 * n, flight=f"flight-{n % 3}")
        city.confirm(recorded) if n % 2 else city.reject(recorded, code="lookalike")
    export_dataset(city.store, tmp_path / "one")
    export_dataset(city.store, tmp_path / "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    before = {row["name"]: row["split"] for row in rows_of(tmp_path / "one")}
    assert len(set(before.values())) > 1
    for n in range(places):
        city.confirm(city.case("waste", east_m=200.0 * n + 30, flight="later"))
    export_dataset(city.store, tmp_path / "three")
    after = {row["name"]: row["split"] for row in rows_of(tmp_path / "three")}
    assert {name: after[name] for name in before} == before
    sides = {}
    for row in rows_of(tmp_path / "three"):
        sides.setdefault(row["group"], set()).add(row["split"])
    assert all(len(split) == 1 for split in sides.values())
    assert len(sides) == places


def test_only_the_verdicts_of_the_time_asked_for_are_written_but_groups_know_all(city, tmp_path):
    city.confirm(city.case("waste"))
    second = city.case("waste", east_m=20, flight="flight-2")
    moment = city.now + timedelta(minutes=30)
    city.confirm(second)
    export_dataset(city.store, tmp_path / "late", since_at=moment)
    export_dataset(city.store, tmp_path / "early", until_at=moment)
    export_dataset(city.store, tmp_path / "all")
    late, early, everything = (rows_of(tmp_path / name) for name in ("late", "early", "all"))
    assert [row["case_number"] for row in late] == [second.case_number]
    assert len(early) == 1
    assert late[0]["group"] == early[0]["group"] == everything[0]["group"]


def test_pictures_that_came_after_the_verdict_were_not_judged(city, tmp_path):
    recorded = city.case("waste")
    city.confirm(recorded)
    city.now = city.now.replace(hour=23)
    joined = city.intake.record(_seen_again(tmp_path))
    assert joined.case_id == recorded.case_id
    export_dataset(city.store, tmp_path / "set")
    assert len(rows_of(tmp_path / "set")) == 1


def _seen_again(folder):
    from verdict_builders import HOME, NOON

    from dispatch_api.cases.observation import Observation

    return Observation(
        key="later",
        matter="dumping.household",
        label="waste",
        confidence=0.9,
        lon=HOME[0],
        lat=HOME[1],
        covariance_m2=((2.0, 0.0), (0.0, 2.0)),
        first_seen_at=NOON,
        last_seen_at=NOON,
        flight_id="flight-2",
        evidence=(a_picture(folder, "later.jpg"),),
    )


def test_by_default_the_redacted_pictures_leave_and_no_original_is_opened(city, tmp_path):
    city.confirm(city.case("waste"))
    result = export_dataset(city.store, tmp_path / "set")
    (row,) = rows_of(tmp_path / "set")
    left, top, right, bottom = row["window_xyxy_px"]
    original = cv2.imread(str(tmp_path / "P0001.jpg"))[top:bottom, left:right]
    assert picture_of(tmp_path / "set", row).mean() == pytest.approx(original.mean() / 2, rel=0.05)
    assert (result.redacted, result.originals_opened) == (True, 0)
    assert "original.opened" not in kinds_in_history(city.store)
    assert kinds_in_history(city.store)[-1] == "dataset.exported"


def test_as_is_opens_the_originals_and_the_history_says_who_and_why(city, tmp_path):
    city.confirm(city.case("waste"))
    city.confirm(city.case("waste", east_m=500))
    opening = Opening(by=VerdictDesk(city.store).opener("chief"), reason="夜间模型复训")
    export_dataset(city.store, tmp_path / "set", opening=opening)
    row = rows_of(tmp_path / "set")[0]
    left, top, right, bottom = row["window_xyxy_px"]
    original = cv2.imread(str(tmp_path / "P0001.jpg"))[top:bottom, left:right]
    assert np.abs(picture_of(tmp_path / "set", row).astype(int) - original).mean() < 4
    with city.store.read() as connection:
        opened = connection.execute(select(event).where(event.c.kind == "original.opened")).all()
        verify_history(connection)
    assert [(row.who, row.why) for row in opened] == [("chief", "夜间模型复训")] * 2
    assert {json.loads(row.data)["original_sha256"] for row in opened} == {
        row["original_sha256"] for row in rows_of(tmp_path / "set")
    }


def test_only_the_centre_may_have_originals_opened(city):
    for name in ("pilot", "nobody"):
        with pytest.raises(Forbidden, match="may not open sealed originals"):
            VerdictDesk(city.store).opener(name)


def test_a_person_that_redaction_hides_is_left_out_with_the_reason_and_a_tiny_one_is_not(city, tmp_path):
    city.confirm(city.case("person", box=(500.0, 300.0, 560.0, 480.0)))
    city.confirm(city.case("person", east_m=500, box=(500.0, 400.0, 512.0, 425.0)))
    walker = a_finding("person", (480.0, 380.0, 620.0, 500.0))
    city.confirm(city.case("waste", east_m=1000, others=(walker,)))
    result = export_dataset(city.store, tmp_path / "set")
    assert result.left_out == {"hidden by redaction": 2}
    assert result.by_label == {"person": 1}
    opening = Opening(by=VerdictDesk(city.store).opener("chief"), reason="复训")
    whole = export_dataset(city.store, tmp_path / "as-is", opening=opening)
    assert whole.by_label == {"person": 2, "waste": 1}


def test_no_file_of_the_set_carries_a_place_or_a_camera(city, tmp_path):
    city.confirm(city.case("waste"))
    opening = Opening(by=VerdictDesk(city.store).opener("chief"), reason="复训")
    export_dataset(city.store, tmp_path / "set", opening=opening)
    for path in (tmp_path / "set").rglob("*.jpg"):
        with Image.open(path) as picture:
            assert not picture.getexif()
        assert b"CAMERA-MAKER" not in path.read_bytes()
    assert b"CAMERA-MAKER" in (tmp_path / "P0001.jpg").read_bytes()


def test_a_full_folder_is_refused_and_nothing_half_written_stays(city, tmp_path):
    city.confirm(city.case("waste"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    with pytest.raises(BadDataSetError, match="not an empty folder"):
        export_dataset(city.store, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    city.confirm(city.case("waste", east_m=500))
    for path in sorted((tmp_path / "city-evidence" / "pictures").rglob("*.jpg")):
        path.unlink()
    with pytest.raises(EvidenceError, match="missing from the evidence folder"):
        export_dataset(city.store, tmp_path / "set")
    assert not (tmp_path / "set").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".set")]


def test_without_a_verdict_there_is_nothing_to_export(city, tmp_path):
    city.case("waste")
    with pytest.raises(NothingToExport):
        export_dataset(city.store, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_the_command_exports_and_answers_in_json(city, tmp_path):
    city.confirm(city.case("waste"))
    words = ["export", "--since", "2026-11-01", "--store", city.store.url, "--out", str(tmp_path / "set"), "--json"]
    answer = CliRunner().invoke(command.app, words)
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["verdicts"] == {"confirmed": 1, "rejected": 0}
    digest = hashlib.sha256((tmp_path / "set" / "manifest.json").read_bytes()).hexdigest()
    assert told["manifest_sha256"] == digest


def test_a_day_begins_and_ends_where_the_city_is(city, tmp_path):
    city.confirm(city.case("waste"), hours=11.5)  # 15:30 UTC, 23:30 in Shanghai
    common = ["export", "--store", city.store.url]

    def exit_code(name, *words):
        return CliRunner().invoke(command.app, [*common, "--out", str(tmp_path / name), *words]).exit_code

    assert exit_code("same-day", "--since", "2026-11-23", "--until", "2026-11-23") == 0
    assert exit_code("next-day", "--since", "2026-11-24") == 2
    assert exit_code("moment", "--until", "2026-11-23T23:00+08:00") == 2
    assert exit_code("later", "--until", "2026-11-23T23:31+08:00") == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--since", "yesterday"], "is no date"),
        (["--since", "2026-11-01T08:00"], "no time zone"),
        (["--since", "2026-12-01", "--until", "2026-11-01"], "not before"),
        (["--as-is"], "--by ACCOUNT"),
        (["--as-is", "--by", "chief", "--reason", " "], "--reason TEXT"),
        (["--by", "chief"], "are for --as-is"),
        ([], "nothing was written"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_two(city, tmp_path, words, told):
    arguments = ["export", "--store", city.store.url, "--out", str(tmp_path / "set"), *words]
    answer = CliRunner().invoke(command.app, arguments)
    assert answer.exit_code == 2
    assert told in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert answer.stdout == ""
    assert not (tmp_path / "set").exists()


def test_a_changed_picture_is_not_taken_for_the_one_that_was_kept(city, tmp_path):
    city.confirm(city.case("waste"))
    other = cv2.imencode(".jpg", np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8))[1].tobytes()
    for path in (tmp_path / "city-evidence" / "pictures").rglob("*.jpg"):
        path.chmod(0o644)
        path.write_bytes(other)
    with pytest.raises(EvidenceError, match="was changed"):
        export_dataset(city.store, tmp_path / "set")
