"""Show what looking at the ground instead of at every frame costs and finds, on a staged patrol video.

    python benchmarks/vision_sampling.py models [--folder FILM] [--seconds 60] [--size 1920x1080] [--height 70] \
        [--every 5] [--decisions-only]

One row per way to choose frames: every k-th one (`--every 1` is really every frame; any other k stands for it, and the
table says so), the ground sampler with the pose that the telemetry tells, and the motion sampler without a pose. All
run the same models. A staged thing counts as possible if the video shows its middle for a second or longer, as found
if any look found its label there, and as confirmed if a confirmed track did. A second table shows what decides the
cost: the same leg at other speeds and frame rates, and hovering; no network is needed for that.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from throughput.sampled import Sampled

from flyonce.cli.output import Ticker, progress
from flyonce.demo.camera_sim import Lens
from flyonce.demo.patrol_flight import PatrolFlight, Phase
from flyonce.demo.patrol_plan import PatrolPlan, StagedPatrol, patrol_camera, patrol_of
from flyonce.demo.patrol_video import stage_patrol
from flyonce.demo.staging import Cast
from vision.detections import Detections, Detector
from vision.frame import Frame
from vision.model_card import CARD_FILE, read_model
from vision.onnx_detector import load_detectors
from vision.sampling import GroundSampler, GroundView, MotionSampler
from vision.sources.video import VideoSource
from vision.tracking import ByteTracker, GroundMotion, PictureMotion, TrackBook

_LEAST_SHOWN_S = 1.0


@dataclass(kw_only=True)
class Row:
    """What one way to choose frames came to."""

    name: str
    decoded: int = 0
    looked_at: int = 0
    pictures: float = 0.0
    found: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)
    tracks: int = 0
    network_cpu_s: float = 0.0
    other_cpu_s: float = 0.0


def main() -> None:
    """Film, run all ways, print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("models_dir", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("patrol-film"), help="kept, and used again if it is there")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--size", type=_size, default=(1920, 1080))
    parser.add_argument("--height", type=float, default=70.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--things", type=int, default=1, help="so many times the demo's puddles and heaps")
    parser.add_argument("--anglers", type=int, default=2)
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--decisions-only", action="store_true")
    args = parser.parse_args()

    if not args.decisions_only:
        patrol = _filmed(args)
        detector = load_detectors(args.models_dir, workers=1)
        thresholds = _thresholds(args.models_dir)
        with progress("sampling", total=3 * patrol.frames) as ticker:
            rows = [
                _run(f"every {args.every}. frame" if args.every > 1 else "every frame", patrol, detector, thresholds,
                     _every(patrol, args.every), ticker),
                _run("ground sampler", patrol, detector, thresholds, _by_ground(patrol), ticker),
                _run("motion sampler", patrol, detector, thresholds, _by_motion(), ticker),
            ]  # fmt: skip
        _print_rows(rows, patrol, args.every)
    _print_decisions(args.height, args.size)


@dataclass(frozen=True, kw_only=True)
class Way:
    """How frames are chosen: by their time before they are decoded, by their pixels after, and in which parts."""

    want: Callable[[float], bool]
    on_key: Callable[[float], None] = lambda time_s: None
    take: Callable[[Frame], bool] = lambda frame: True
    part_of: Callable[[float], NDArray[np.bool_] | None] = lambda time_s: None


def _every(patrol: StagedPatrol, step: int) -> Way:
    return Way(want=lambda time_s: round(time_s * patrol.fps) % step == 0)


def _by_ground(patrol: StagedPatrol) -> Way:
    sampled = Sampled(lambda time_s: _view(patrol, time_s))
    return Way(want=sampled.want, on_key=sampled.choice.key, part_of=sampled.part_of)


def _by_motion() -> Way:
    sampler = MotionSampler()

    def take(frame: Frame) -> bool:
        return sampler.decide(frame.media_time_s or 0.0, frame.image_bgr).look

    return Way(want=lambda time_s: time_s >= sampler.next_time_s, take=take)


def _view(patrol: StagedPatrol, time_s: float) -> GroundView:
    pose = patrol.flight.reported(time_s)
    return GroundView(
        corners_m=patrol.lens.ground_corners_m(pose), ground_resolution_m=pose.up_m / patrol.lens.focal_px
    )


def _run(
    name: str, patrol: StagedPatrol, detector: Detector, thresholds: dict[str, float], way: Way, ticker: Ticker
) -> Row:
    row = Row(name=name)
    ticker.describe(name)
    by_pose = way.take.__name__ == "<lambda>"
    motion = PictureMotion(GroundMotion(lambda frame: _view(patrol, frame.media_time_s or 0.0)) if by_pose else None)
    tracker, book = ByteTracker(camera_motion=motion, confident_of=thresholds), TrackBook(thresholds=thresholds)
    counted = set()
    began_s = time.process_time()
    reached = 0
    resolution_m = patrol.flight.height_m / patrol.lens.focal_px
    with VideoSource(patrol.video, want=way.want, on_key=way.on_key) as source:
        for frame in source:
            ticker.advance(frame.index - reached)
            reached = frame.index
            if not way.take(frame):
                continue
            time_s = frame.media_time_s or 0.0
            with _clock(row):
                part = way.part_of(time_s)
                found = detector(replace(frame, ground_resolution_m=resolution_m, of_interest=part))
            row.pictures += 1.0 if part is None else float(part.mean())
            row.looked_at += 1
            tracked = tracker(frame, found)
            counted |= {event.track.track_id for event in book.add(frame, tracked) if event.kind == "confirmed"}
            for thing_id, index in _matches(patrol, time_s, tracked):
                row.found.add(thing_id)
                if tracked.track_id is not None and int(tracked.track_id[index]) in counted:
                    row.confirmed.add(thing_id)
        row.decoded = source.report().frames_decoded
    ticker.advance(patrol.frames - reached)
    row.tracks = len(counted)
    row.other_cpu_s = time.process_time() - began_s - row.network_cpu_s
    return row


@contextmanager
def _clock(row: Row) -> Iterator[None]:
    began_s = time.process_time()
    yield
    row.network_cpu_s += time.process_time() - began_s


def _matches(patrol: StagedPatrol, time_s: float, found: Detections) -> Iterator[tuple[str, int]]:
    """Staged things of this moment with a detection of their label at their place."""
    middles = (found.boxes_xyxy_px[:, :2] + found.boxes_xyxy_px[:, 2:]) / 2
    for seen in patrol.in_view(time_s):
        left, top, right, bottom = seen.box_xyxy_px
        reach = 4 + 0.25 * max(right - left, bottom - top)
        inside = (middles > (left - reach, top - reach)).all(axis=1) & (middles < (right + reach, bottom + reach)).all(
            axis=1
        )
        for index in np.flatnonzero(inside):
            if found.labels[index] == seen.thing.label:
                yield seen.thing.thing_id, int(index)


def _print_rows(rows: list[Row], patrol: StagedPatrol, every: int) -> None:
    possible = _possible(patrol)
    width, height = patrol.lens.size_wh_px
    flown_m = patrol.flight.flown_m(patrol.flight.seconds)
    out = sys.stdout.write
    out(f"{patrol.frames} frames of {width} x {height}, {patrol.frames / patrol.fps:.0f} s at {patrol.fps}/s, ")
    out(f"{patrol.flight.height_m:.0f} m, {flown_m:.0f} m flown; ")
    out(f"{len(possible)} staged things shown for {_LEAST_SHOWN_S:.0f} s or longer\n")
    if every > 1:
        out(f"'every frame' is stood for by every {every}. frame\n")
    out(f"{'':18}{'decoded':>9}{'looked at':>11}{'whole':>8}{'found':>8}{'confirmed':>11}{'tracks':>8}")
    out(f"{'network s':>11}{'other s':>9}  (CPU)\n")
    for row in rows:
        found, confirmed = (f"{len(ids & possible)}/{len(possible)}" for ids in (row.found, row.confirmed))
        out(f"{row.name:18}{row.decoded:>9}{row.looked_at:>11}{row.pictures:>8.1f}")
        out(f"{found:>8}{confirmed:>11}{row.tracks:>8}{row.network_cpu_s:>11.1f}{row.other_cpu_s:>9.1f}\n")
    for row in rows[1:]:
        lost, won = sorted((rows[0].found - row.found) & possible), sorted((row.found - rows[0].found) & possible)
        out(f"{row.name} against {rows[0].name}: not found {lost or 'none'}, also found {won or 'none'}\n")


def _possible(patrol: StagedPatrol) -> set[str]:
    """Staged things that the video shows long enough."""
    tenths = range(int(10 * patrol.flight.seconds))
    shown = Counter(one.thing.thing_id for tenth in tenths for one in patrol.in_view(tenth / 10))
    return {thing_id for thing_id, count in shown.items() if count >= 10 * _LEAST_SHOWN_S}


def _print_decisions(height_m: float, size_wh_px: tuple[int, int]) -> None:
    """What the ground sampler asks for over one leg of 240 m, and hovering for two minutes; no network."""
    out = sys.stdout.write
    out(f"\n{'':26}{'video s':>9}{'frames':>8}{'asked':>8}{'looks':>8}{'CPU ms per frame':>18}\n")
    cases = [(f"240 m at {speed:g} m/s, {fps}/s", Phase(seconds=240 / speed, speed_m_s=speed), fps)
             for speed, fps in ((20.0, 30), (10.0, 30), (10.0, 60), (5.0, 30), (2.0, 30))]  # fmt: skip
    cases += [
        ("hover 120 s", Phase(seconds=120, speed_m_s=0.0), 30),
        ("hover 600 s", Phase(seconds=600, speed_m_s=0.0), 30),
    ]
    lens = Lens(size_wh_px=size_wh_px, focal_px=patrol_camera(size_wh_px).focal_xy_px[0])
    for name, phase, fps in cases:
        flight = PatrolFlight(phases=(phase,), height_m=height_m)
        sampler, frames = GroundSampler(), round(phase.seconds * fps)
        began_s = time.process_time()
        for index in range(frames):
            if index / fps >= sampler.next_time_s:
                pose = flight.reported(index / fps)
                view = GroundView(corners_m=lens.ground_corners_m(pose), ground_resolution_m=height_m / lens.focal_px)
                sampler.decide(index / fps, view)
        spent_ms = 1000 * (time.process_time() - began_s) / frames
        stats = sampler.stats()
        out(f"{name:26}{phase.seconds:>9.0f}{frames:>8}{stats.asked:>8}{stats.looks:>8}{spent_ms:>18.2f}\n")


def _filmed(args: argparse.Namespace) -> StagedPatrol:
    plan = PatrolPlan(
        seconds=args.seconds,
        fps=args.fps,
        size_wh_px=args.size,
        seed=args.seed,
        height_m=args.height,
        cast=Cast(puddles=6 * args.things, heaps=4 * args.things, anglers=args.anglers),
    )
    if (args.folder / "patrol.mp4").is_file():
        return patrol_of(plan, args.folder)[0]
    with progress("filming") as ticker:
        return stage_patrol(args.folder, plan, on_frame=ticker.reached)


def _thresholds(models_dir: Path) -> dict[str, float]:
    cards = [read_model(path.parent)[0] for path in sorted(models_dir.glob(f"*/{CARD_FILE}"))]
    return {label: card.threshold(label) for card in cards for label in card.labels}


def _size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


if __name__ == "__main__":
    main()
