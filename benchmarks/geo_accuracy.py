"""How near places and clocks come to the truth, and whether their errors are honest: every figure of docs/location.md.

    python benchmarks/geo_accuracy.py [clock ellipse model flight scatter] [--shared FOLDER] [--trials 2000] [--json]

clock    offsets planted between a film's clock and its telemetry's: how far off they are found, what is refused
ellipse  truths drawn around a reported pose and seen by OpenCV: the share inside the 95 % ellipse
model    a perfect pose over rugged ground, whose model has cells of 30 m: metres from the truth
flight   the Brighton flight of the shared data (`--shared`): how far apart two photos place the same spot
scatter  one pixel with all that its error counts drawn at random: how large the scatter is, in told sigmas

Flights, truths and rays are those of the tests (`tests/geo/honest_scenes.py`, `moving_scenes.py`,
`scattered_places.py`, `tests/flyonce/clock_films.py`); no ray of theirs is reckoned by `geo`. Leaves with 1 where a
bar is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "geo"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "flyonce"))

import brighton_flight
import honest_scenes as scenes
import moving_scenes as flights
from clock_films import a_patrol, recorded
from geo_builders import a_distorted_camera, a_pose
from ground_models import Surface, a_dem
from scattered_places import Motion, sampled_to_told

from flyonce.cli.output import Ticker, progress
from flyonce.film_clock import with_clock_told
from geo.clock_offset import ClockOffset
from geo.dem import DemGround
from geo.ground import FlatGround
from geo.locate import locate_pixels
from geo.pose import PoseSigmas
from geo.position import scale_of_probability
from geo.telemetry.photo import PhotoTelemetry

PLANTED_S = (-7.3, -2.65, 0.4, 3.1, 7.7)
FILM_PLANTED_S = (-1.2, 0.0, 3.4)
PIXELS = ((2000.0, 1500.0), (700.0, 900.0), (3300.0, 900.0), (3000.0, 2600.0))
NOT_LOOKED_AT = "not measured: give the folder of the shared data by --shared"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure.

    Attributes:
        part: Which of the benchmark's parts it belongs to.
        case: What was measured.
        figures: By name.
        bar: What must hold; empty where the figure is only told.
        met: Whether it does; None without a bar, or where nothing was measured.
        words: The figures for people, or why there are none.
    """

    part: str
    case: str
    figures: Mapping[str, object]
    bar: str
    met: bool | None
    words: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asked for, and where files may be written."""

    folder: Path
    trials: int
    shared: Path | None


def clock(asked: Asked) -> Iterator[Row]:
    """Offsets found in flights that turn, brake or tilt, in a film's own pixels, and in flights that cannot tell."""
    surveys = [("survey with turns", flights.surveying(), every_s) for every_s in (0.1, 1.0, 2.0)]
    others = [("braking once", flights.braking(), 1.0), ("camera tilted once", flights.tilting(), 1.0)]
    for name, flight, every_s in (*surveys, *others):
        found = [
            (planted_s, flights.estimate(flight, planted_s, every_s=every_s, seed=seed))
            for seed, planted_s in enumerate(PLANTED_S)
        ]
        yield _offsets(f"{name}, telemetry of {1 / every_s:g} Hz", found)
    patrol = a_patrol(asked.folder / "patrol")
    filmed = []
    for planted_s in FILM_PLANTED_S:
        told = with_clock_told(recorded(patrol, planted_s=planted_s), FlatGround()).clock
        if told is None:
            raise RuntimeError("the staged film has no telemetry")
        filmed.append((planted_s, told))
    yield _offsets("pixels of a staged film of 60 s, telemetry of 2 Hz", filmed)
    for name, flight in (("straight at one speed", flights.straight()), ("hovering", flights.hovering())):
        said = [
            flights.estimate(flight, 1.3, every_s=every_s, seed=seed) for seed in (1, 2) for every_s in (0.1, 1.0, 2.0)
        ]
        reasons = Counter(one.reason or "an offset" for one in said)
        refused = sum(one.offset_s is None for one in said)
        yield Row(
            part="clock",
            case=name,
            figures={"tried": len(said), "refused": refused, "answers": dict(reasons)},
            bar="all refused",
            met=refused == len(said),
            words=f"{refused} of {len(said)} refused: "
            + ", ".join(f"{count} {word}" for word, count in reasons.items()),
        )


def _offsets(case: str, found: list[tuple[float, ClockOffset]]) -> Row:
    off_s = [abs(told.offset_s - planted_s) for planted_s, told in found if told.offset_s is not None]
    sigma_s = [told.sigma_s for _, told in found if told.sigma_s is not None]
    worst_s = max(off_s, default=float("inf"))
    return Row(
        part="clock",
        case=case,
        figures={"planted": len(found), "found": len(off_s), "largest_error_s": _short(worst_s)}
        | {"largest_told_sigma_s": _short(max(sigma_s, default=float("inf")))},
        bar="all found, < 0.2 s off",
        met=len(off_s) == len(found) and worst_s < 0.2,
        words=f"{len(off_s)} of {len(found)} found, at most {worst_s:.3f} s off "
        f"(told ± {min(sigma_s, default=0):.2f} to {max(sigma_s, default=0):.2f} s)",
    )


def ellipse(asked: Asked) -> Iterator[Row]:
    """The share of truths inside the 95 % ellipse."""
    for surface in (scenes.level, scenes.hills):
        ground, ground_sigma_m = scenes.ground_of(surface, asked.folder)
        for kind, sigmas in (("RTK", scenes.RTK), ("consumer", scenes.CONSUMER)):
            for pitch_deg in (-90, -60, -35):
                trials = scenes.Trials(
                    pitch_deg=pitch_deg,
                    surface=surface,
                    sigmas=sigmas,
                    ground_sigma_m=ground_sigma_m,
                    count=asked.trials,
                    seed=5,
                )
                located = locate_pixels(trials.uv_px, trials.pose, trials.camera, ground)
                squared = scenes.squared_distances(located, trials.truth_en_m)
                share = float((squared < scale_of_probability(0.95) ** 2).mean())
                answered = len(squared) / len(trials.uv_px)
                yield Row(
                    part="ellipse",
                    case=f"{_look(pitch_deg)}, {_ground(surface)}, {kind}",
                    figures={"truths": len(squared), "answered": _short(answered), "inside": _short(share)},
                    bar="93 to 97 %",
                    met=0.93 <= share <= 0.97,
                    words=f"{100 * share:.1f} % of {len(squared)} truths inside ({100 * answered:.0f} % answered)",
                )


def model(asked: Asked) -> Iterator[Row]:
    """A perfect pose over a model of 30 m cells."""
    coarse = DemGround.open(a_dem(asked.folder / "coarse.tif", scenes.rugged, cell=30.0, half=60))
    for pitch_deg in (-90, -60):
        off_m = scenes.PerfectPoses(coarse, pitch_deg=pitch_deg, count=asked.trials).off_m
        median_m, p90_m = float(np.nanmedian(off_m)), float(np.nanpercentile(off_m, 90))
        answered = float(np.isfinite(off_m).mean())
        yield Row(
            part="model",
            case=f"{_look(pitch_deg)}, cells of 30 m, relief of 95 m",
            figures={"median_m": _short(median_m), "p90_m": _short(p90_m), "answered": _short(answered)},
            bar="median <= 1.5 m",
            met=median_m <= 1.5,
            words=f"median {median_m:.2f} m, 90 % within {p90_m:.2f} m ({100 * answered:.0f} % answered)",
        )


def flight(asked: Asked) -> Iterator[Row]:
    """How far apart two photos of the Brighton flight place the spots that its tie points give."""
    if asked.shared is None:
        yield Row(part="flight", case="Brighton", figures={}, bar="median <= 2.0 m", met=None, words=NOT_LOOKED_AT)
        return
    photos = brighton_flight.brighton(asked.shared)
    yield _apart(asked.shared, "Brighton as its files say", {path.name: told for path, told in photos})
    check, bias, turned, mended = brighton_flight.turned_and_mended(photos)
    yield _apart(asked.shared, f"Brighton, {len(check.turned)} photos turned back", turned, bar_m=2.0)
    row = _apart(asked.shared, "Brighton, turned, its bias taken off", mended, bar_m=2.0)
    off = [
        f"{told.value:+.1f} ± {told.sigma:.1f} {unit}"
        for told, unit in ((bias.heading_deg, "° heading"), (bias.forward_m, "m ahead"), (bias.right_m, "m right"))
        if told is not None
    ]
    yield replace(row, words=f"{row.words}; off by {', '.join(off)}")


def _apart(shared: Path, case: str, photos: dict[str, PhotoTelemetry], bar_m: float | None = None) -> Row:
    apart_m = brighton_flight.tie_distances_m(shared, photos)
    median_m, p90_m = float(np.median(apart_m)), float(np.percentile(apart_m, 90))
    return Row(
        part="flight",
        case=case,
        figures={"spots": len(apart_m), "median_m": _short(median_m), "p90_m": _short(p90_m)},
        bar="" if bar_m is None else f"median <= {bar_m} m",
        met=None if bar_m is None else median_m <= bar_m,
        words=f"median {median_m:.2f} m, 90 % within {p90_m:.2f} m",
    )


def scatter(asked: Asked) -> Iterator[Row]:
    """How large the drawn scatter of single pixels' places is, in told sigmas."""
    camera = a_distorted_camera(focal_sigma_ratio=scenes.FOCAL_SIGMA)
    for surface in (scenes.level, scenes.hills):
        ground, ground_sigma_m = scenes.ground_of(surface, asked.folder)
        for kind, sigmas, pitch_deg, motion in _scattering():
            pose = a_pose(heading_deg=scenes.HEADING_DEG, pitch_deg=pitch_deg, roll_deg=scenes.ROLL_DEG, sigmas=sigmas)
            ratios = [
                ratio
                for pixel in PIXELS
                for ratio in sampled_to_told(
                    pixel, pose, camera, surface, ground, ground_sigma_m, motion=motion, count=asked.trials
                )
            ]
            # Seen flat, hills bend within an ellipse of metres, and no plane fits them.
            is_bent = surface is scenes.hills and sigmas is scenes.CONSUMER and pitch_deg == -35
            low, high = (0.7, 1.3) if is_bent else (0.9, 1.1)
            # In a turn, what the clock costs in place and in heading is added as if it were not one error: only told.
            is_judged = motion.heading_deg_s == 0.0
            yield Row(
                part="scatter",
                case=f"{_look(pitch_deg)}, {_ground(surface)}, {kind}",
                figures={"least": _short(min(ratios)), "most": _short(max(ratios))},
                bar=f"{low} to {high}" if is_judged else "",
                met=low <= min(ratios) and max(ratios) <= high if is_judged else None,
                words=f"{min(ratios):.2f} to {max(ratios):.2f} told sigmas, {len(PIXELS)} pixels along both axes",
            )


def _scattering() -> Iterator[tuple[str, PoseSigmas, int, Motion]]:
    for kind, sigmas in (("RTK", scenes.RTK), ("consumer", scenes.CONSUMER)):
        for pitch_deg in (-90, -60, -35):
            yield kind, sigmas, pitch_deg, Motion()
    flying = Motion(east_m_s=8.0, north_m_s=6.0, clock_sigma_s=0.2)
    yield "RTK, 10 m/s, clock ± 0.2 s", scenes.RTK, -60, flying
    yield "RTK, 10 m/s, turning 12°/s, clock ± 0.2 s", scenes.RTK, -60, replace(flying, heading_deg_s=12.0)


def _ground(surface: Surface) -> str:
    return "level" if surface is scenes.level else "hills"


def _look(pitch_deg: float) -> str:
    return "nadir" if pitch_deg == -90 else f"{pitch_deg:g}°".replace("-", "−")


def _short(value: float) -> float:
    return float(f"{value:.4g}")


PARTS: dict[str, tuple[Callable[[Asked], Iterator[Row]], int]] = {
    "clock": (clock, 8),
    "ellipse": (ellipse, 12),
    "model": (model, 2),
    "flight": (flight, 3),
    "scatter": (scatter, 16),
}
"""What measures each part, and about how many rows it has."""


def main() -> None:
    """Measure what is asked for, print it, and leave with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all unless named")
    parser.add_argument("--shared", type=Path, help="folder of the shared data, with flights/brighton_beach_dji in it")
    parser.add_argument("--trials", type=int, default=2000, help="truths or draws per case")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if given.trials < 100:
        parser.error("--trials: at least 100")
    if given.shared is not None and not (given.shared / "flights/brighton_beach_dji/tie_points.json").is_file():
        parser.error(f"--shared: {given.shared} has no flights/brighton_beach_dji/tie_points.json")
    parts = given.parts or list(PARTS)
    with (
        tempfile.TemporaryDirectory() as folder,
        progress("measuring", total=sum(PARTS[part][1] for part in parts)) as ticker,
    ):
        asked = Asked(folder=Path(folder), trials=given.trials, shared=given.shared)
        rows = [row for part in parts for row in _ticked(part, asked, ticker)]
    met = all(row.met is not False for row in rows)
    sys.stdout.write(json.dumps({"rows": [asdict(row) for row in rows], "met": met}) if given.json else _in_words(rows))
    sys.stdout.write("\n")
    if not met:
        sys.exit(1)


def _ticked(part: str, asked: Asked, ticker: Ticker) -> Iterator[Row]:
    ticker.describe(part)
    for row in PARTS[part][0](asked):
        ticker.advance()
        yield row


def _in_words(rows: list[Row]) -> str:
    width = max(len(row.case) for row in rows)
    lines: list[str] = []
    for part in dict.fromkeys(row.part for row in rows):
        lines.append(f"{part}: {(PARTS[part][0].__doc__ or '').splitlines()[0]}")
        for row in (one for one in rows if one.part == part):
            verdict = "" if row.met is None else f"   [{row.bar}: {'met' if row.met else 'MISSED'}]"
            lines.append(f"  {row.case:{width}}  {row.words}{verdict}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
