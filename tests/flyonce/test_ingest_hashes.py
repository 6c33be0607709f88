"""Hashes are taken of bytes as they came, before anything decodes them, and every still names the film it is of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import load_matters
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.evidence.capture import CameraPose, Capture
from dispatch_api.flights import FlightDesk
from dispatch_api.store import open_store
from dispatch_api.store.schema import evidence, original
from flyonce import recordings
from flyonce.looks import FilmFrame
from flyonce.picture_masks import Masks
from flyonce.pipeline import analyze_material
from flyonce.recordings import open_recording
from flyonce.rules_file import load_interpretation
from flyonce.stills import StillOriginal
from flyonce.tools import Tools
from flyonce.video_material import VideoMaterial
from geo.camera import camera_by_name
from geo.ground import FlatGround
from geo.identity import load_rules
from tests.geo.telemetry_builders import AIRDATA
from tests.vision.films import steady, write_film
from vision.detections import Detections, detections_of
from vision.frame import Frame
from vision.sources import photos
from vision.sources.video import VideoSource


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_photo_is_hashed_before_it_is_decoded_with_all_that_a_decoder_throws_away(tmp_path, monkeypatch):
    path = tmp_path / "DJI_0001.JPG"
    Image.new("RGB", (64, 48), (9, 90, 9)).save(path, comment=b"what a decoder does not see")
    path.write_bytes(path.read_bytes() + b"and what stands behind the picture")
    order: list[str] = []
    decoded, sha256 = photos._decoded, hashlib.sha256

    def decoding(*arguments):
        order.append("decoded")
        return decoded(*arguments)

    def hashing(data: bytes):
        order.append("hashed")
        return sha256(data)

    monkeypatch.setattr(photos, "_decoded", decoding)
    monkeypatch.setattr(photos.hashlib, "sha256", hashing)
    frame = photos.read_frame(path)
    monkeypatch.undo()
    assert order == ["hashed", "decoded"]
    assert frame.sha256 == sha256_of(path)


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "DJI_0009.MP4", steady(100))


@pytest.fixture(scope="module")
def poses(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("poses") / "poses.csv"
    rows = (
        f"{n * 100},2026-07-01 02:03:{4 + n // 10:02},30.25,{120.15 + n * 1e-7:.8f},60,80,9,90,10,-90,0,0\n"
        for n in range(60)
    )
    path.write_text(AIRDATA.format(unit="meters") + "".join(rows))
    return path


def test_a_film_is_hashed_before_a_picture_or_its_telemetry_is_read(film, poses, monkeypatch):
    order: list[str] = []
    digest, telemetry, frames = recordings._digest, recordings.read_telemetry_of, VideoSource.__iter__

    def hashing(*arguments):
        order.append("hashed")
        return digest(*arguments)

    def reading(path):
        order.append("telemetry")
        return telemetry(path)

    def decoding(source) -> Iterator[Frame]:
        order.append("decoded")
        return frames(source)

    monkeypatch.setattr(recordings, "_digest", hashing)
    monkeypatch.setattr(recordings, "read_telemetry_of", reading)
    monkeypatch.setattr(VideoSource, "__iter__", decoding)
    recording = open_recording(film, telemetry_path=poses, camera=None, offset_s=0.0)
    assert order == ["hashed", "telemetry"]
    assert recording.sha256 == sha256_of(film)


def material_of(film: Path, poses: Path | None) -> VideoMaterial:
    camera = None if poses is None else camera_by_name("generic-84dfov")
    recording = open_recording(film, telemetry_path=poses, camera=camera, offset_s=0.0)
    masks = Masks(None, load_interpretation(), FlatGround())
    return VideoMaterial([recording], ground=FlatGround(), masks=masks)


def test_a_still_names_the_films_hash_the_frame_and_its_time_and_is_hashed_as_it_is_written(film, tmp_path):
    prepared = next(material_of(film, None).pictures())
    kept = prepared.original.secure(tmp_path)
    assert kept.sha256 == sha256_of(kept.path)
    assert kept.film == FilmFrame(
        kind="video",
        name="DJI_0009.MP4",
        sha256=sha256_of(film),
        frame=prepared.frame.index,
        media_time_s=prepared.frame.media_time_s,
        path=film,
    )
    with Image.open(kept.path) as still:
        assert sha256_of(film) in still.getexif()[0x010E]


def test_the_still_of_a_stream_says_that_it_has_no_file_behind_it(film, tmp_path):
    frame = next(material_of(film, None).pictures()).frame
    told = FilmFrame(kind="stream", name="", sha256=None, frame=7, media_time_s=1.5)
    kept = StillOriginal(frame=frame, stem="live", note="a stream", film=told).secure(tmp_path)
    assert kept.film == told
    with pytest.raises(ValueError, match="a stream has none"):
        Capture(kind="stream", source_name="", source_sha256="ab" * 32, frame=7, media_time_s=1.5)
    with pytest.raises(ValueError, match="position and a time"):
        Capture(kind="video", source_name="a.mp4", source_sha256="ab" * 32)


def finds_water(frame: Frame) -> Detections:
    width, height = frame.size_wh_px
    return detections_of([((width * 0.4, height * 0.4, width * 0.6, height * 0.6), 0.9, "standing_water", None)])


def test_what_a_film_showed_lies_in_the_store_with_film_frame_time_and_pose(film, poses, tmp_path):
    matters = load_matters()
    with open_store(f"sqlite:///{tmp_path}/city.db", create=True) as store:
        tools = Tools(
            detector=finds_water,
            ground=FlatGround(),
            interpretation=load_interpretation(),
            intake=Intake(store, matters, load_routing(matters=matters, departments=load_departments())),
            flights=FlightDesk(store),
            identity=load_rules(),
        )
        result = analyze_material(material_of(film, poses), tools=tools, flight_id="F1")
        assert result.things == 1
        with store.read() as connection:
            rows = connection.execute(select(original).join(evidence)).all()
        assert rows
        for row in rows:
            told = Capture.from_json(row.capture)
            assert (told.kind, told.source_name, told.source_sha256) == ("video", "DJI_0009.MP4", sha256_of(film))
            assert told.media_time_s == pytest.approx(told.frame / 25)
            assert isinstance(told.pose, CameraPose)
            assert told.pose.lat == pytest.approx(30.25)
            path = store.evidence_dir / "originals" / row.sha256[:2] / f"{row.sha256}.jpg"
            assert sha256_of(path) == row.sha256
