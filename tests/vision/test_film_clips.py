"""Clips are cut without coding a picture anew, and whoever is missed in one picture of a film is hidden by the next."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vision.detections import Detections
from vision.errors import VideoError
from vision.films import Moment, hidden_moments, write_film
from vision.sources.clips import cut_clip
from vision.sources.video import VideoSource

FPS = 10


def a_film(path: Path, *, seconds: float = 20, gop: int = FPS, bframes: int = 2, codec: str = "libx264") -> Path:
    """A film whose picture number can be read from its brightness."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if codec == "libx264":
            stream.options = {"g": str(gop), "bf": str(bframes), "sc_threshold": "0", "preset": "ultrafast"}
        stream.time_base = Fraction(1, FPS)
        for number in range(round(seconds * FPS)):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number % 200 + 30, np.uint8), format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def packets(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(stream) if packet.size]


def shown(path: Path) -> list[tuple[float, int]]:
    with VideoSource(path) as source:
        return [(round(frame.media_time_s, 3), int(frame.image_bgr.mean())) for frame in source]


@pytest.mark.parametrize(("first_s", "last_s"), [(0, 5), (4.25, 9.5), (5.0, 12.0), (18.2, 40)])
@pytest.mark.parametrize("bframes", [0, 2])
def test_a_clip_holds_the_films_own_packets_from_a_key_picture_before_to_one_after(tmp_path, first_s, last_s, bframes):
    film = a_film(tmp_path / "film.mp4", bframes=bframes)
    cut = cut_clip(film, tmp_path / "clip", first_s=first_s, last_s=last_s)
    filmed, kept = packets(film), packets(cut.path)
    first = filmed.index(kept[0])
    assert filmed[first : first + len(kept)] == kept
    assert cut.pictures == len(kept)
    assert cut.first_s <= first_s < cut.first_s + 1.001
    assert min(last_s, 19.9) <= cut.last_s + 1e-6 < last_s + 1.2
    whole = shown(film)
    begin = round(cut.first_s * FPS)
    assert [grey for _, grey in shown(cut.path)] == [grey for _, grey in whole[begin : begin + cut.pictures]]
    assert shown(cut.path)[0][0] == 0


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts"])
def test_every_usual_container_can_be_cut_and_the_same_seconds_are_the_same_file(tmp_path, suffix):
    film = a_film(tmp_path / f"film{suffix}")
    first = cut_clip(film, tmp_path / "first", first_s=6, last_s=8)
    second = cut_clip(film, tmp_path / "second", first_s=6, last_s=8)
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.path.suffix == ".mp4"
    times = [grey for _, grey in shown(film)]
    assert [grey for _, grey in shown(first.path)] == times[round(first.first_s * FPS) :][: first.pictures]


def test_a_film_with_one_key_picture_only_is_not_copied_whole_for_ten_seconds_of_it(tmp_path):
    film = a_film(tmp_path / "film.mp4", seconds=90, gop=100_000)
    with pytest.raises(VideoError, match="no key picture"):
        cut_clip(film, tmp_path / "clip", first_s=70, last_s=80)
    cut = cut_clip(film, tmp_path / "clip", first_s=20, last_s=30)
    assert (cut.first_s, cut.last_s <= 35.1) == (0.0, True)


def test_what_tells_no_times_is_not_cut(tmp_path):
    with pytest.raises(VideoError, match="shown"):
        cut_clip(a_film(tmp_path / "film.avi", codec="mpeg4"), tmp_path / "clip", first_s=1, last_s=2)
    with pytest.raises(VideoError, match="no key picture"):
        cut_clip(a_film(tmp_path / "film.mp4", seconds=2), tmp_path / "clip", first_s=500, last_s=600)


def test_a_person_missed_in_one_picture_is_hidden_by_what_was_found_before_and_after():
    noise = np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    box = np.array([[40, 20, 90, 100]], np.float32)
    person = Detections(boxes_xyxy_px=box, confidence=np.array([0.9], np.float32), labels=("person",))
    found = [Detections.empty(), person, Detections.empty(), Detections.empty()]
    moments = [Moment(image_bgr=noise, media_time_s=number / 2, hide=one) for number, one in enumerate(found)]
    hidden = list(hidden_moments(moments))
    assert [moment.media_time_s for moment in hidden] == [0, 0.5, 1.0, 1.5]
    changed = [bool((moment.image_bgr[30:90, 50:80] != noise[30:90, 50:80]).any()) for moment in hidden]
    assert changed == [True, True, True, False]


def test_the_copy_that_leaves_is_small_keeps_its_times_and_says_nothing_else(tmp_path):
    picture = np.zeros((1081, 1921, 3), np.uint8)
    moments = [Moment(image_bgr=picture, media_time_s=at, hide=Detections.empty()) for at in (3.0, 3.4, 4.5)]
    assert write_film(moments, tmp_path / "out.mp4") == 3
    with VideoSource(tmp_path / "out.mp4") as source:
        assert source.size_wh_px == (1280, 720)
        assert [round(frame.media_time_s, 3) for frame in source] == [0, 0.4, 1.5]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert not {"location", "creation_time", "comment"} & set(container.metadata)
