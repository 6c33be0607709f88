"""Time by the clock and of the processor, of works that take turns, so that all of them meet the same machine."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyonce.cli.output import progress

PEER_LIMIT_S = 3600


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What one run took.

    Attributes:
        wall_s: Seconds by the clock.
        cpu_s: Seconds of all threads together.
    """

    wall_s: float
    cpu_s: float


def in_parallel(work: Callable[[Any], object], pieces: Iterable[Any], workers: int) -> None:
    """Do a work for each piece, so many at a time."""
    with ThreadPoolExecutor(max_workers=workers) as pool:
        deque(pool.map(work, pieces), maxlen=0)


def spent(work: Callable[[], object]) -> Spent:
    """Run a work in this process and time it."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    work()
    return Spent(wall_s=time.perf_counter() - wall_s, cpu_s=time.process_time() - cpu_s)


def spent_by_peer(python: Path, *words: object) -> Spent:
    """Run a peer in a Python of its own; it times itself, so that its imports and its warming up do not count.

    Raises:
        PeerError: If it fails.
    """
    script = Path(__file__).with_name("peers.py")
    command = [str(python), str(script), *(str(word) for word in words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PEER_LIMIT_S)
    if done.returncode:
        raise PeerError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    return Spent(wall_s=answer["wall_s"], cpu_s=answer["cpu_s"])


class PeerError(Exception):
    """A peer cannot be run; the message is its own last line."""


def in_turns(
    what: str, works: Mapping[str, Callable[[], Spent]], rounds: int, *, left_out: list[str]
) -> dict[str, Spent]:
    """Run all works, one after the other, several times over.

    Args:
        what: Told beside the progress bar.
        works: By name.
        rounds: How often each.
        left_out: A peer that cannot be run is told here and not tried again.

    Returns:
        By name, the median of each figure.
    """
    runs: dict[str, list[Spent]] = {name: [] for name in works}
    with progress(what, total=rounds * len(works)) as ticker:
        for _ in range(rounds):
            for name in [name for name in works if name in runs]:
                try:
                    runs[name].append(works[name]())
                except PeerError as error:
                    left_out.append(f"{name}: {error}")
                    del runs[name]
                ticker.advance()
    return {name: _median(taken) for name, taken in runs.items()}


def _median(runs: Sequence[Spent]) -> Spent:
    return Spent(
        wall_s=statistics.median(run.wall_s for run in runs), cpu_s=statistics.median(run.cpu_s for run in runs)
    )


def table(spent_by_name: Mapping[str, Spent]) -> dict[str, dict[str, float]]:
    """The figures, ready for JSON."""
    return {name: {"wall_s": round(one.wall_s, 3), "cpu_s": round(one.cpu_s, 3)} for name, one in spent_by_name.items()}


def ratios(ours: Spent, other: Spent) -> dict[str, float]:
    """How often ours goes into the other: above 1, ours is quicker."""
    return {"wall": round(other.wall_s / ours.wall_s, 3), "cpu": round(other.cpu_s / ours.cpu_s, 3)}
