"""The best few pictures of each thing, whatever the length of the flight."""

from __future__ import annotations

import gc
import hashlib
import weakref
from collections import Counter
from datetime import UTC, datetime

import numpy as np
from PIL import Image

from flyonce.evidence_shelf import EvidenceShelf
from flyonce.looks import Look, Shot
from flyonce.stills import StillOriginal, clock_text
from geo.position import Fix
from geo.sighting import Sighting
from vision.detections import Detections, detections_of
from vision.frame import Frame
from vision.pixels import ArrayPixels


def a_look(index: int, *, shown: float = 0.5) -> Look:
    image = np.random.default_rng(index).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    frame = Frame(
        pixels=ArrayPixels(image),
        captured_at=datetime(2026, 7, 1, 2, 3, 4, tzinfo=UTC),
        source="film.mp4",
        index=index,
        media_time_s=index / 10,
    )
    found = detections_of([((1, 1, 20, 20), 0.5, "waste", None)])
    return Look(
        key=f"film.mp4#{index}",
        name=f"film {index}",
        size_wh_px=(64, 48),
        ground_resolution_m=None,
        shot=Shot(pose=None, camera=None, taken_at=None, clock_s=index / 10, size_wh_px=(64, 48)),
        detections=found,
        found=found,
        doubtful=Detections.empty(),
        masked=Counter(),
        original=StillOriginal(frame=frame, stem=f"film_{index:05}", note=f"still of film.mp4, frame {index}"),
        shown=(shown,),
    )


def a_sighting(look: Look, confidence: float) -> Sighting:
    fix = Fix(lon=120.0, lat=30.0, alt_m=0.0, covariance_m2=((1.0, 0.0), (0.0, 1.0)), height_source="t", yaw_source="t")
    return Sighting(label="waste", confidence=confidence, fix=fix, source=look.key, box_xyxy_px=(1, 1, 20, 20))


def test_only_the_surest_three_pictures_of_a_thing_are_kept(tmp_path):
    shelf = EvidenceShelf(tmp_path)
    sightings = []
    for index, confidence in enumerate(np.random.default_rng(3).permutation(np.linspace(0.3, 0.9, 60))):
        look = a_look(index)
        sightings.append(a_sighting(look, float(confidence)))
        shelf.offer(look, [(1, sightings[-1])])
        assert len(shelf) <= 3
        assert len(list(tmp_path.iterdir())) == len(shelf)
    best = shelf.best_of(sightings)
    surest = sorted((sighting.confidence for sighting in sightings), reverse=True)[:3]
    assert [sighting.confidence for sighting, _ in best] == surest


def test_a_sharp_picture_of_a_thing_goes_before_a_blurred_one_that_is_a_little_surer(tmp_path):
    shelf = EvidenceShelf(tmp_path, most=2)
    looks = [a_look(1, shown=0.2), a_look(2, shown=0.8), a_look(3, shown=0.5)]
    sightings = [a_sighting(look, confidence) for look, confidence in zip(looks, (0.7, 0.6, 0.6), strict=True)]
    for look, sighting in zip(looks, sightings, strict=True):
        shelf.offer(look, [(1, sighting)])
    best = shelf.best_of(sightings)
    assert [sighting.source for sighting, _ in best] == ["film.mp4#2", "film.mp4#3"]
    assert [kept.look.shown for _, kept in best] == [(0.8,), (0.5,)]


def test_of_a_kept_frame_only_the_file_stays_and_its_pixels_go(tmp_path):
    shelf = EvidenceShelf(tmp_path)
    look = a_look(1)
    sighting = a_sighting(look, 0.5)
    shelf.offer(look, [(1, sighting)])
    frame = weakref.ref(look.original.frame)
    assert frame() is not None
    del look
    gc.collect()
    assert frame() is None
    ((_, kept),) = shelf.best_of([sighting])
    assert kept.file.path.is_file()
    assert kept.look.original.secure(tmp_path) == kept.file
    assert kept.look.detections.labels == ("waste",)


def test_a_picture_that_two_things_need_stays_until_neither_does(tmp_path):
    shelf = EvidenceShelf(tmp_path, most=1)
    both, better = a_look(1), a_look(2)
    shelf.offer(both, [(1, a_sighting(both, 0.5)), (2, a_sighting(both, 0.5))])
    shelf.offer(better, [(1, a_sighting(better, 0.6))])
    assert len(shelf) == 2
    shelf.offer(better, [(2, a_sighting(better, 0.6))])
    assert len(shelf) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["film_00002.jpg"]


def test_a_still_is_nearly_lossless_and_says_where_it_comes_from(tmp_path):
    look = a_look(7)
    smooth = np.tile(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (48, 1, 3))
    frame = Frame(pixels=ArrayPixels(smooth), captured_at=None, source="film.mp4", index=7, media_time_s=0.7)
    original = StillOriginal(frame=frame, stem="film", note="still of film.mp4, frame 7")
    file = original.secure(tmp_path)
    assert file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
    with Image.open(file.path) as still:
        assert still.getexif()[0x010E] == "still of film.mp4, frame 7"
        back = np.asarray(still)[:, :, ::-1]
    assert np.abs(back.astype(int) - smooth).mean() < 1.0
    assert look.original.secure(tmp_path).path.name == "film_00007.jpg"


def test_media_time_is_written_as_people_read_it():
    assert clock_text(3725.25) == "01-02-05.250"
