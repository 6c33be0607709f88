"""The film around a finding, on a film over a real street with real people and the models that are shipped."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dispatch_api.cases.observation import Evidence
from flyonce.clips import Clips
from flyonce.evidence_shelf import Shelved
from flyonce.looks import FilmFrame, Look, Shot
from flyonce.near_threshold import KnownModels, NearThreshold, doubts_of
from flyonce.stills import StillOriginal
from vision.detections import Detections
from vision.onnx_detector import load_detectors
from vision.redaction import leaving_jpeg
from vision.sources.photos import read_frame
from vision.sources.video import VideoSource

MODELS = Path(__file__).parents[2] / "models"
FPS, SECONDS = 10, 14
# Where two people stand in the photo, in its pixels.
PEOPLE = ((179, 203, 289, 480), (327, 270, 402, 480))
SEEN_AT = datetime(2026, 7, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def near() -> NearThreshold:
    return NearThreshold(load_detectors(MODELS, doubts=doubts_of), KnownModels.of(MODELS))


@pytest.fixture(scope="module")
def film(shared_data, tmp_path_factory) -> Path:
    """The camera goes down along a real photo of a street."""
    found = sorted((shared_data / "train/street_garbage_cn").rglob("garb_000113.jpg"))
    street = read_frame(found[0]).image_bgr
    path = tmp_path_factory.mktemp("street") / "street.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "18", "g": str(FPS), "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        for number in range(FPS * SECONDS):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(street[top(number) :][:480]), format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def top(number: int) -> int:
    return number * 100 // (FPS * SECONDS)


def kept(film: Path, number: int, folder: Path, *, told_s: float | None = None) -> tuple[Shelved, Evidence]:
    """The still of a frame, on the shelf and as evidence."""
    with VideoSource(film) as source:
        frame = next(frame for frame in source if frame.index == number)
    media_time_s = frame.media_time_s if told_s is None else told_s
    sha256 = hashlib.sha256(film.read_bytes()).hexdigest()
    told = FilmFrame(kind="video", name=film.name, sha256=sha256, frame=number, media_time_s=media_time_s, path=film)
    file = StillOriginal(frame=frame, stem=f"still{number}", note="still", film=told).secure(folder)
    shot = Shot(pose=None, camera=None, taken_at=SEEN_AT, clock_s=media_time_s, size_wh_px=frame.size_wh_px)
    nothing = Detections.empty()
    look = Look(
        key="k", name="n", size_wh_px=frame.size_wh_px, ground_resolution_m=None, shot=shot, detections=nothing,
        found=nothing, doubtful=nothing, masked=Counter(), original=file, shown=(),
    )  # fmt: skip
    jpeg = leaving_jpeg(frame.image_bgr)
    picture = Evidence(
        original_path=file.path, original_sha256=file.sha256, captured_at=SEEN_AT,
        annotated_jpeg=jpeg, redacted_jpeg=jpeg,
    )  # fmt: skip
    return Shelved(look=look, file=file), picture


def detail(image: np.ndarray, box: tuple[int, int, int, int]) -> float:
    left, up, right, down = box
    area = cv2.cvtColor(image[max(0, up) : down, left:right], cv2.COLOR_BGR2GRAY)
    return float(np.abs(cv2.Laplacian(area, cv2.CV_32F)).mean())


def test_the_people_of_a_real_street_are_hidden_in_every_picture_of_the_clip(film, near, tmp_path):
    shelved, picture = kept(film, 70, tmp_path)
    clip = Clips(near, tmp_path).around(shelved, picture, seconds=10)
    assert clip is not None
    assert clip.capture.duration_s >= 9.9
    assert clip.capture.media_time_s <= 2.0
    assert hashlib.sha256(clip.original_path.read_bytes()).hexdigest() == clip.original_sha256
    with VideoSource(clip.redacted_film) as source:
        shown = [(frame.media_time_s, frame.image_bgr.copy()) for frame in source]
    with VideoSource(clip.original_path) as source:
        filmed = {round(frame.media_time_s, 2): frame.image_bgr.copy() for frame in source}
    assert len(shown) == pytest.approx(10 * 2.5, abs=4)
    begin = min(filmed, key=lambda at: abs(at - (7.0 - clip.capture.media_time_s) % 0.4))
    for at_s, image in shown:
        before = filmed[min(filmed, key=lambda at: abs(at - begin - at_s))]
        shift = top(round((clip.capture.media_time_s + begin + at_s) * FPS))
        for left, up, right, down in PEOPLE:
            box = (left + 10, max(0, up - shift + 20), right - 10, down - shift - 20)
            # What six patches leave of a person has a fifth of the detail or less, coding noise among it.
            assert detail(image, box) < 0.3 * detail(before, box), at_s
    assert near.take("f") == []


def test_what_is_seen_in_the_same_seconds_shares_one_clip_and_what_is_not_has_its_own(film, near, tmp_path):
    clips = Clips(near, tmp_path)
    first, again, late = (clips.around(*kept(film, number, tmp_path), seconds=4) for number in (30, 36, 120))
    assert first.original_sha256 == again.original_sha256
    assert first.redacted_film == again.redacted_film
    assert late.original_sha256 != first.original_sha256
    # It begins later within the clip, so the clip began earlier before it.
    assert (first.captured_at - again.captured_at).total_seconds() == pytest.approx(0.6)
    assert late.capture.media_time_s + late.capture.duration_s == pytest.approx(SECONDS - 0.1)
    assert late.capture.duration_s >= 3.9


def test_a_film_whose_clock_is_not_what_it_seems_gives_no_clip_of_something_else(
    shared_data, film, near, tmp_path, caplog
):
    other = sorted((shared_data / "train/street_garbage_cn").rglob("garb_000068.jpg"))[0]
    shelved, picture = kept(film, 70, tmp_path)
    strange = read_frame(other).image_bgr
    cv2.imwrite(str(shelved.file.path), strange)
    assert Clips(near, tmp_path).around(shelved, picture, seconds=4) is None
    assert "does not show at this time what the still shows" in caplog.text


def test_streams_and_photos_have_no_film_to_cut(film, near, tmp_path):
    shelved, picture = kept(film, 70, tmp_path)
    stream = FilmFrame(kind="stream", name="", sha256=None, frame=70, media_time_s=7.0)
    for told in (None, stream):
        one = Shelved(look=shelved.look, file=replace(shelved.file, film=told))
        assert Clips(near, tmp_path).around(one, picture, seconds=10) is None
