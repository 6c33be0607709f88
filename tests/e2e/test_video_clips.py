"""A finding in a film: the seconds around it are sealed as they were filmed, and everybody else sees them redacted."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zipfile

import av
import film_builders as staged
import pytest

from vision.sources.video import VideoSource

CAMERA = "generic-84dfov"


@pytest.fixture(scope="module")
def city(flyonce, tmp_path_factory):
    """A film of twenty seconds, analysed twice, as an operator who is not sure would."""
    film = staged.stage_film(tmp_path_factory.mktemp("clips"), seconds=20.0)
    store = film.folder / "city.db"
    for _ in range(2):
        outcome = flyonce(
            "analyze", film.video, "--camera", CAMERA, "--zones", film.zones, "--models", film.models,
            "--store", f"sqlite:///{store}", "--json",
        )  # fmt: skip
        assert outcome.code == 0, outcome.stderr
    return film, store


def clips(store) -> list[dict]:
    with sqlite3.connect(store) as connection:
        connection.row_factory = sqlite3.Row
        query = (
            "select e.*, o.*, c.matter, c.number from evidence e join original o on o.sha256 = e.original_sha256 "
            "join case_file c on c.case_id = e.case_id where o.extension = 'mp4'"
        )
        return [dict(row) | {"capture": json.loads(row["capture"])} for row in connection.execute(query)]


def packets(path) -> list[str]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(stream) if packet.size]


def test_the_clip_is_ten_seconds_of_the_film_as_it_was_filmed_sealed_under_its_hash(city):
    film, store = city
    (clip,) = clips(store)
    assert clip["matter"] == "fishing.reservoir"
    capture = clip["capture"]
    assert (capture["kind"], capture["source_name"]) == ("clip", "film.mp4")
    assert capture["source_sha256"] == hashlib.sha256(film.video.read_bytes()).hexdigest()
    assert capture["duration_s"] >= 10
    sha256 = clip["original_sha256"]
    sealed = store.parent / "city-evidence" / "originals" / sha256[:2] / f"{sha256}.mp4"
    assert hashlib.sha256(sealed.read_bytes()).hexdigest() == sha256
    assert sealed.stat().st_mode & 0o777 == 0o444
    filmed, kept = packets(film.video), packets(sealed)
    first = round(capture["media_time_s"] * staged.FPS)
    assert kept == filmed[first : first + len(kept)]
    assert len(kept) >= 10 * staged.FPS


def test_the_copy_that_may_be_shown_is_a_small_film_of_the_same_seconds_without_sound_or_places(city):
    _, store = city
    (clip,) = clips(store)
    shown = store.parent / "city-evidence" / "pictures" / clip["full_sha256"][:2] / f"{clip['full_sha256']}.mp4"
    with VideoSource(shown) as source:
        times = [frame.media_time_s for frame in source]
    assert len(times) == pytest.approx(clip["capture"]["duration_s"] * 2.5, abs=3)
    assert times[-1] == pytest.approx(clip["capture"]["duration_s"], abs=0.5)
    with av.open(str(shown)) as container:
        assert not container.streams.audio
        assert "location" not in container.metadata


def test_the_pack_has_the_redacted_clip_and_the_sealed_one_only_with_a_reason(flyonce, city, tmp_path):
    _, store = city
    (clip,) = clips(store)
    out = tmp_path / "pack.zip"
    assert flyonce("evidence", "pack", clip["number"], "--store", f"sqlite:///{store}", "-o", out).code == 0
    assert flyonce("evidence", "verify", out).code == 0
    with zipfile.ZipFile(out) as archive:
        about, *files = json.loads(archive.read("manifest.json"))["entries"]
        page = archive.read("report.html").decode()
    (told,) = [one for one in files if one["role"] == "clip"]
    assert (told["sha256"], told["derives_from"]) == (clip["full_sha256"], [clip["sha256"]])
    (original,) = [one for one in files if one["role"] == "original" and one["shows"] == "clip"]
    assert (original["path"], original["sha256"]) == (None, clip["sha256"])
    assert original["source"]["source_sha256"] == clip["capture"]["source_sha256"]
    assert f"href='{told['path']}'" in page
    # The pipeline hands over the card of the model that found it.
    assert [model["card"] for model in about["models"]] == ["models/01-card.yaml"]
