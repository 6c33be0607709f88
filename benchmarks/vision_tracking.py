"""Compare our tracker with those of the package `trackers` on the same detections of a staged patrol, side by side.

    python benchmarks/vision_tracking.py [--peer PYTHON] [--folder FILM] [--seconds 60]

The package needs a second OpenCV, so it runs as a process of its own with the interpreter of another environment
(`pip install trackers` there; give its python as --peer). Detections are made from the truth of the staged things and
of walkers that cross the scene: boxes jittered by 6 % of their side, a tenth missed, a tenth doubtful, one false alarm
in three frames. They are tracked at 30 and 5 frames per second and at the sparse looks of the ground sampler. Printed
are the identity switches (a thing's identity changed from one look to its next), IDF1 (how much of all true boxes the
best one-to-one naming of things by tracks gets right), and CPU milliseconds per look, the camera's motion included.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lap
import numpy as np
from numpy.typing import NDArray

from flyonce.cli.output import progress
from flyonce.demo.patrol_plan import PatrolPlan, StagedPatrol, patrol_of
from flyonce.demo.patrol_video import stage_patrol
from flyonce.demo.staging import Cast
from vision.detections import Detections
from vision.sampling import GroundSampler, GroundView
from vision.sources.video import VideoSource
from vision.tracking import ByteTracker, CameraMotion, GroundMotion, PictureMotion

_CONFIDENT = 0.4
_KEEP_LOST_S = 4.0
_WALKERS = 8
_PEERS = ("ByteTrackTracker", "BoTSORTTracker")


@dataclass(frozen=True, kw_only=True, eq=False)
class Looks:
    """Detections of several looks as columns; `thing` is the truth's number, -1 for a false alarm."""

    name: str
    rate: float
    frames: NDArray[np.int64]
    look: NDArray[np.int64]
    boxes: NDArray[np.float64]
    confidence: NDArray[np.float64]
    labels: tuple[str, ...]
    thing: NDArray[np.int64]
    true_boxes: int


def main() -> None:
    """Film, make the detections, run all trackers, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer", help="python of an environment with the package trackers")
    parser.add_argument("--folder", type=Path, default=Path("tracking-film"), help="kept, and used again")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    patrol = _filmed(args.folder, args.seconds, args.seed)
    sys.stdout.write(f"{'':34}{'looks':>7}{'boxes':>7}{'switches':>10}{'IDF1':>8}{'tracks':>8}{'ms/look':>9}\n")
    for looks in _sequences(patrol, args.seed):
        ours: list[tuple[str, CameraMotion]] = [
            ("ours, motion by picture", PictureMotion()),
            ("ours, motion by pose", GroundMotion(lambda frame: _view(patrol, frame.media_time_s or 0.0))),
            ("ours, both", PictureMotion(GroundMotion(lambda frame: _view(patrol, frame.media_time_s or 0.0)))),
        ]
        for name, motion in ours:
            _print(looks, name, *_track(patrol, looks, motion))
        for peer in _PEERS if args.peer else ():
            _print(looks, f"trackers {peer}", *_track_by_peer(args.peer, peer, patrol, looks))


def _sequences(patrol: StagedPatrol, seed: int) -> list[Looks]:
    sampler = GroundSampler()
    times = [index / patrol.fps for index in range(patrol.frames)]
    chosen = [
        index
        for index, time_s in enumerate(times)
        if time_s >= sampler.next_time_s and sampler.decide(time_s, _view(patrol, time_s)).look
    ]
    return [
        _detections(patrol, f"{patrol.fps}/s", list(range(patrol.frames)), seed),
        _detections(patrol, "5/s", list(range(0, patrol.frames, patrol.fps // 5)), seed),
        _detections(patrol, "sampler", chosen, seed),
    ]


def _detections(patrol: StagedPatrol, name: str, frames: list[int], seed: int) -> Looks:
    rng = np.random.default_rng((seed, 23))
    walkers = _walkers(patrol, rng)
    width, height = patrol.lens.size_wh_px
    rows: list[tuple[int, list[float], float, str, int]] = []
    true_boxes = 0
    for look, frame in enumerate(frames):
        time_s = frame / patrol.fps
        seen = [
            (list(one.box_xyxy_px), one.thing.label, patrol.things.index(one.thing)) for one in patrol.in_view(time_s)
        ]
        for number, at in enumerate(walkers):
            box = at(time_s)
            seen += [(box, "person", 1000 + number)] if box else []
        true_boxes += len(seen)
        for box, label, thing in seen:
            luck = rng.random()
            if luck < 0.1:
                continue
            side = max(((box[2] - box[0]) * (box[3] - box[1])) ** 0.5, 4.0)
            noisy = np.array(box) + rng.normal(0, 0.06 * side, 4)
            sure = rng.uniform(0.15, 0.35) if luck < 0.2 else rng.uniform(0.45, 0.95)
            rows.append((look, _in_picture(noisy, width, height), sure, str(label), thing))
        if rng.random() < 1 / 3:
            x, y, side = rng.uniform(0, width - 40), rng.uniform(0, height - 40), rng.uniform(8, 40)
            rows.append((look, [x, y, x + side, y + side], rng.uniform(0.15, 0.6), "waste", -1))
    look, boxes, confidence, labels, thing = zip(*rows, strict=True)
    return Looks(
        name=name,
        rate=len(frames) / patrol.flight.seconds,
        frames=np.array(frames, np.int64),
        look=np.array(look, np.int64),
        boxes=np.array(boxes),
        confidence=np.array(confidence),
        labels=labels,
        thing=np.array(thing, np.int64),
        true_boxes=true_boxes,
    )


def _in_picture(box: NDArray[np.float64], width: int, height: int) -> list[float]:
    left, top, right, bottom = np.clip(box, 0, (width, height, width, height))
    return [float(left), float(top), float(max(right, left + 1)), float(max(bottom, top + 1))]


def _walkers(patrol: StagedPatrol, rng: np.random.Generator) -> list[Callable[[float], list[float] | None]]:
    """People who cross the flown ground at 1.4 m/s; they are in the detections only, nobody draws them."""
    walks = []
    for _ in range(_WALKERS):
        pose = patrol.flight.pose(float(rng.uniform(0, patrol.flight.seconds)))
        walks.append(
            (pose.east_m + rng.uniform(-30, 30), pose.north_m + rng.uniform(-20, 20), rng.uniform(0, 2 * np.pi))
        )

    def at(walk: tuple[float, float, float]) -> Callable[[float], list[float] | None]:
        def box(time_s: float) -> list[float] | None:
            way = 1.4 * (time_s - patrol.flight.seconds / 2)
            middle = (walk[0] + way * np.sin(walk[2]), walk[1] + way * np.cos(walk[2]))
            corners = np.array([(middle[0] + dx, middle[1] + dy, 0.0) for dx in (-0.5, 0.5) for dy in (-0.5, 0.5)])
            seen = patrol.lens.project(patrol.flight.pose(time_s), corners)
            inside = (seen.mean(axis=0) > 0).all() and (seen.mean(axis=0) < patrol.lens.size_wh_px).all()
            return [*seen.min(axis=0).tolist(), *seen.max(axis=0).tolist()] if inside else None

        return box

    return [at(walk) for walk in walks]


def _track(patrol: StagedPatrol, looks: Looks, motion: CameraMotion) -> tuple[NDArray[np.int64], float]:
    tracker = ByteTracker(camera_motion=motion, confident=_CONFIDENT, keep_lost_s=_KEEP_LOST_S)
    wanted = set(looks.frames.tolist())
    answer = np.full(len(looks.boxes), -1, np.int64)
    spent_s = 0.0
    with VideoSource(patrol.video, want=lambda time_s: round(time_s * patrol.fps) in wanted) as source:
        for look, frame in enumerate(source):
            rows = np.flatnonzero(looks.look == look)
            found = Detections(
                boxes_xyxy_px=looks.boxes[rows].astype(np.float32),
                confidence=looks.confidence[rows].astype(np.float32),
                labels=tuple(looks.labels[row] for row in rows),
            )
            began_s = time.thread_time()
            told = tracker(frame, found)
            spent_s += time.thread_time() - began_s
            assert told.track_id is not None
            answer[rows] = told.track_id
    return answer, spent_s


def _track_by_peer(python: str, name: str, patrol: StagedPatrol, looks: Looks) -> tuple[NDArray[np.int64], float]:
    script = Path(__file__).with_name("vision_tracking_peer.py")
    with tempfile.TemporaryDirectory() as folder:
        looks_path, answer_path = Path(folder) / "looks.npz", Path(folder) / "answer.npz"
        np.savez(
            looks_path, frames=looks.frames, look=looks.look, boxes=looks.boxes, confidence=looks.confidence,
            rate=looks.rate, keep_lost_s=_KEEP_LOST_S, confident=_CONFIDENT,
        )  # fmt: skip
        subprocess.run([python, str(script), name, str(patrol.video), str(looks_path), str(answer_path)], check=True)
        with np.load(answer_path) as answer:
            return answer["track_id"], float(answer["cpu_s"])


def _print(looks: Looks, name: str, track_id: NDArray[np.int64], cpu_s: float) -> None:
    switches, idf1 = _switches(looks, track_id), _idf1(looks, track_id)
    tracks = len(set(track_id[track_id >= 0].tolist()))
    sys.stdout.write(
        f"{looks.name + ' ' + name:34}{len(looks.frames):>7}{len(looks.boxes):>7}{switches:>10}{idf1:>8.3f}{tracks:>8}"
        f"{1000 * cpu_s / len(looks.frames):>9.2f}\n"
    )
    sys.stdout.flush()


def _switches(looks: Looks, track_id: NDArray[np.int64]) -> int:
    count = 0
    for thing in set(looks.thing[looks.thing >= 0].tolist()):
        given = track_id[(looks.thing == thing) & (track_id >= 0)]
        count += int((np.diff(given) != 0).sum())
    return count


def _idf1(looks: Looks, track_id: NDArray[np.int64]) -> float:
    tracked = track_id >= 0
    things, tracks = sorted(set(looks.thing[looks.thing >= 0].tolist())), sorted(set(track_id[tracked].tolist()))
    shared = np.zeros((len(things), len(tracks)))
    for thing, track in zip(looks.thing[tracked], track_id[tracked], strict=True):
        if thing >= 0:
            shared[things.index(int(thing)), tracks.index(int(track))] += 1
    _, columns, _ = lap.lapjv(shared.max() - shared, extend_cost=True)
    right = sum(shared[row, column] for row, column in enumerate(columns) if column >= 0)
    return float(2 * right / (looks.true_boxes + tracked.sum()))


def _view(patrol: StagedPatrol, time_s: float) -> GroundView:
    pose = patrol.flight.reported(time_s)
    return GroundView(
        corners_m=patrol.lens.ground_corners_m(pose), ground_resolution_m=pose.up_m / patrol.lens.focal_px
    )


def _filmed(folder: Path, seconds: float, seed: int) -> StagedPatrol:
    plan = PatrolPlan(seconds=seconds, size_wh_px=(640, 360), seed=seed, cast=Cast(puddles=12, heaps=8))
    if (folder / "patrol.mp4").is_file():
        return patrol_of(plan, folder)[0]
    with progress("filming") as ticker:
        return stage_patrol(folder, plan, on_frame=ticker.reached)


if __name__ == "__main__":
    main()
