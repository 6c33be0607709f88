"""Which sightings are of one thing: our grouper against a fixed radius, DBSCAN and HDBSCAN on generated cities.

Run: python benchmarks/identity.py [--seeds 3] [--density dense] [--json]     (needs scikit-learn)

Six flights over each city, each with an offset of its own; missed pictures, broken tracks, false alarms, things that
come, go and come back (`tests/geo/cities.py`). ARI over all sightings, each false alarm a thing of its own. `swallowed`
counts things seen at least three times that no cluster has for its own; `splits` counts clusters a thing has beyond its
first. Rivals get places in metres and the label; noise points of a rival are things of their own.

Speeds are of this process's CPU time and of the grouping alone: ours with clean looks, offsets and merge passes.
Neither the generating of the city is in them nor the reading out of the answer; and the ready city is kept out of the
garbage collector's rounds (`gc.freeze`), for in use nobody holds all sightings before they are grouped. The last lines
say for each density which targets are met; the status is 1 where one is not.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "geo"))

from cities import DENSE, MEDIUM, SPARSE, City, CityPlan, build_city

from geo.identity import Grouper, PictureLooks, load_rules

PLANS = {"sparse": SPARSE, "medium": MEDIUM, "dense": DENSE}
TARGET_ARI = {"sparse": 0.99, "medium": 0.98, "dense": 0.95}
TARGET_PER_S = 20_000
Answer = Callable[[], list[int]]
RADIUS_M, RADIUS_S = 15.0, 30.0


@dataclass(frozen=True, kw_only=True)
class Score:
    """What one way of grouping is worth on one city."""

    density: str
    seed: int
    way: str
    sightings: int
    things: int
    clusters: int
    ari: float
    swallowed: int
    splits: int
    per_s: float


def ours(city: City) -> Answer:
    """The grouper, one flight after the other, a merge pass after each."""
    looks = PictureLooks()
    grouper = Grouper(rules=load_rules(), clean_look=looks.clean_look)
    for flight in city.pictures:
        for picture in flight:
            looks.add(picture.footprint_lonlat, at=picture.at, flight_id=picture.flight_id)
            grouper.add_picture(picture.sightings)
        grouper.merge_pass()

    def answer() -> list[int]:
        whole = {id(one): thing_id for thing_id in grouper.thing_ids() for one in grouper.sightings_of(thing_id)}
        return [whole[id(one)] for picture in city.flat_pictures for one in picture.sightings]

    return answer


def fixed_radius(city: City) -> Answer:
    """The nearest of the same label within 15 m and 30 s of its last sighting; else a new one."""
    clusters: list[tuple[str, list[float], datetime]] = []
    cells: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    found: list[int] = []
    for picture in city.flat_pictures:
        for place, one in zip(picture.places_m, picture.sightings, strict=True):
            east, north = float(place[0]), float(place[1])
            column, row = math.floor(east / RADIUS_M), math.floor(north / RADIUS_M)
            best, best_m = None, RADIUS_M
            for key in ((one.label, column + dc, row + dr) for dc in (-1, 0, 1) for dr in (-1, 0, 1)):
                for index in cells[key]:
                    _, (e, n), at = clusters[index]
                    away = math.hypot(east - e, north - n)
                    if away <= best_m and (picture.at - at).total_seconds() <= RADIUS_S:
                        best, best_m = index, away
            if best is None:
                best = len(clusters)
                cells[one.label, column, row].append(best)
                clusters.append((one.label, [east, north], picture.at))
            else:
                clusters[best] = (one.label, clusters[best][1], picture.at)
            found.append(best)
    return lambda: found


def _by_label(city: City, cluster: Callable[[np.ndarray], np.ndarray]) -> Answer:
    places = np.concatenate([picture.places_m for picture in city.flat_pictures])
    labels = np.array([one.label for picture in city.flat_pictures for one in picture.sightings])
    found = np.full(len(places), -1)
    for label in np.unique(labels):
        here = np.flatnonzero(labels == label)
        answer = cluster(places[here])
        found[here[answer >= 0]] = answer[answer >= 0] + found.max() + 1
    return lambda: _each_alone(found)


def _each_alone(found: np.ndarray) -> list[int]:
    """Noise points as clusters of their own."""
    alone = found < 0
    found[alone] = found.max() + 1 + np.arange(alone.sum())
    return [int(one) for one in found]


def dbscan(city: City) -> Answer:
    """DBSCAN of 5 m, per label."""
    from sklearn.cluster import DBSCAN

    return _by_label(city, lambda places: DBSCAN(eps=5.0, min_samples=2).fit_predict(places))


def dbscan_all(city: City) -> Answer:
    """DBSCAN of 5 m, over all labels."""
    from sklearn.cluster import DBSCAN

    places = np.concatenate([picture.places_m for picture in city.flat_pictures])
    found = DBSCAN(eps=5.0, min_samples=2).fit_predict(places)
    return lambda: _each_alone(found)


def hdbscan(city: City) -> Answer:
    """HDBSCAN, per label, a cluster being five sightings or more."""
    from sklearn.cluster import HDBSCAN

    return _by_label(city, lambda places: HDBSCAN(min_cluster_size=5, copy=True).fit_predict(places))


WAYS: dict[str, Callable[[City], Answer]] = {
    "ours": ours,
    "radius 15 m + 30 s": fixed_radius,
    "DBSCAN 5 m, per label": dbscan,
    "DBSCAN 5 m": dbscan_all,
    "HDBSCAN, per label": hdbscan,
}


def score(density: str, seed: int, way: str, city: City) -> Score:
    """Run one way over one city."""
    from sklearn.metrics import adjusted_rand_score

    truth = [one for picture in city.flat_pictures for one in picture.truth]
    began = time.process_time()
    answer = WAYS[way](city)
    spent_s = time.process_time() - began
    found = answer()
    swallowed, splits = mistakes(truth, found)
    return Score(
        density=density,
        seed=seed,
        way=way,
        sightings=len(truth),
        things=len(set(truth)),
        clusters=len(set(found)),
        ari=float(adjusted_rand_score(truth, found)),
        swallowed=swallowed,
        splits=splits,
        per_s=len(truth) / spent_s,
    )


def mistakes(truth: Sequence[int], found: Sequence[int]) -> tuple[int, int]:
    """Things seen thrice or more that no cluster has for its own, and clusters that a thing has too many."""
    inside: dict[int, Counter[int]] = defaultdict(Counter)
    for thing, cluster in zip(truth, found, strict=True):
        inside[cluster][thing] += 1
    owner = Counter(counts.most_common(1)[0][0] for counts in inside.values())
    often = {thing for thing, count in Counter(truth).items() if count >= 3}
    return len(often - owner.keys()), sum(count - 1 for count in owner.values())


def main() -> None:
    """Print one line per density and way, and which targets are met."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--density", choices=list(PLANS), action="append")
    asked.add_argument("--way", choices=list(WAYS), action="append")
    asked.add_argument("--json", action="store_true")
    args = asked.parse_args()
    try:
        import sklearn  # noqa: F401 - only asked for early
    except ImportError:
        sys.exit("benchmarks/identity.py needs scikit-learn for its rivals: pip install scikit-learn")
    scores: list[Score] = []
    for density in args.density or PLANS:
        plan: CityPlan = PLANS[density]
        for seed in range(args.seeds):
            city = build_city(plan, seed)
            gc.collect()
            gc.freeze()
            scores += [score(density, seed, way, city) for way in args.way or WAYS]
            gc.unfreeze()
        if not args.json:
            _print(density, scores)
    if args.json:
        _say(json.dumps([asdict(one) for one in scores], indent=1))
    missed = [line for density in args.density or PLANS for line in _targets(density, scores, quiet=args.json)]
    sys.exit(1 if missed else 0)


def _targets(density: str, scores: Sequence[Score], *, quiet: bool) -> list[str]:
    """Say which targets of a density are met, in the mean of the seeds; returns those that are not."""
    mine = [one for one in scores if (one.density, one.way) == (density, "ours")]
    if not mine:
        return []
    ari, per_s = float(np.mean([one.ari for one in mine])), float(np.median([one.per_s for one in mine]))
    rows = [
        (f"{density}: ARI {ari:.4f}, asked for {TARGET_ARI[density]}", ari >= TARGET_ARI[density]),
        (f"{density}: {per_s:.0f} sightings/s, asked for {TARGET_PER_S}", per_s >= TARGET_PER_S),
    ]
    for line, met in rows:
        if not quiet:
            _say(f"{'met   ' if met else 'MISSED'}  {line}")
    return [line for line, met in rows if not met]


def _print(density: str, scores: Sequence[Score]) -> None:
    mine = [one for one in scores if one.density == density]
    first = mine[0]
    _say(f"{density}: {first.things} things with false alarms, {first.sightings} sightings")
    for way in dict.fromkeys(one.way for one in mine):
        runs = [one for one in mine if one.way == way]
        ari = [one.ari for one in runs]
        _say(
            f"  {way:22s} ARI {np.mean(ari):.4f} (least {min(ari):.4f})"
            f"  swallowed {np.mean([r.swallowed for r in runs]):6.1f}  splits {np.mean([r.splits for r in runs]):6.1f}"
            f"  {np.median([r.per_s for r in runs]):9.0f} sightings/s"
        )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
