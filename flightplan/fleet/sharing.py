"""Who flies what: a linear programme shares the rows out so that the busiest drone is done as early as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from flightplan.fleet.work import Station, Work, least_possible_s

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Of each block, so many drones may have a part: those for which it is cheapest.
_CANDIDATES = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Shares:
    """The programme's answer.

    Attributes:
        station_of_block: (blocks,) who has the largest part of it.
        least_s: A time that no sharing of these rows beats at these costs.
    """

    station_of_block: Ints
    least_s: float


def share_out(work: Work, block_of_row: Ints, stations: Sequence[Station], dearness: Floats | None = None) -> Shares:
    """Share blocks of reachable rows among drones, the busiest one's time least.

    Args:
        work: What rows cost.
        block_of_row: (rows,) which block each belongs to.
        stations: The drones.
        dearness: (stations,) by how much more than reckoned each drone takes; it changes the shares, not `least_s`.

    Raises:
        RuntimeError: The solver gave no answer.
    """
    blocks = int(block_of_row.max()) + 1
    cost = _cost_of_blocks(work, block_of_row, blocks)
    if dearness is not None:
        cost = cost * dearness
    near = np.argsort(cost, axis=1, kind="stable")[:, :_CANDIDATES]
    after_s = np.array([station.turnaround_s for station in stations])
    parts, weights = _solved(np.take_along_axis(cost, near, axis=1), near, after_s)
    chosen = near[np.arange(blocks), parts.argmax(axis=1)]
    return Shares(station_of_block=chosen, least_s=least_possible_s(work, stations, weights))


def _cost_of_blocks(work: Work, block_of_row: Ints, blocks: int) -> Floats:
    """Cost (blocks, stations) in seconds; infinite where a drone cannot reach all of a block that another reaches."""
    # What nobody reaches is nobody's work.
    cycle_s = np.where(work.reachable[:, None], work.cycle_s, 0.0)
    cost = np.zeros((blocks, cycle_s.shape[1]))
    np.add.at(cost, block_of_row, cycle_s)
    torn = np.asarray(~np.isfinite(cost).any(axis=1))
    if torn.any():
        # Nobody reaches all of it: its rows go to whom they can afterwards, and cost here what they cost at best.
        at_best = np.where(np.isfinite(cycle_s), cycle_s, cycle_s.min(axis=1)[:, None])
        rows = torn[block_of_row]
        cost[torn] = 0.0
        np.add.at(cost, block_of_row[rows], at_best[rows])
    return cost


def _solved(cost_s: Floats, near: Ints, after_s: Floats) -> tuple[Floats, Floats]:
    """Parts (blocks, candidates) and the drones' weights (stations,) in the programme's dual.

    Minimise z, where the parts of each block add up to 1, and each drone's parts cost at most z and one turnaround.
    """
    blocks, candidates = cost_s.shape
    stations, count = len(after_s), blocks * candidates
    can = np.isfinite(cost_s)
    rows = np.stack((np.repeat(np.arange(blocks), candidates), blocks + near.ravel()), axis=1)
    values = np.stack((np.ones(count), np.where(can, cost_s, 0.0).ravel() / 3_600), axis=1)
    programme = highspy.HighsLp()
    programme.num_col_, programme.num_row_ = count + 1, blocks + stations
    programme.col_cost_ = np.r_[np.zeros(count), 1.0]
    programme.col_lower_ = np.zeros(count + 1)
    programme.col_upper_ = np.r_[np.where(can, 1.0, 0.0).ravel(), highspy.kHighsInf]
    programme.row_lower_ = np.r_[np.ones(blocks), np.full(stations, -highspy.kHighsInf)]
    programme.row_upper_ = np.r_[np.ones(blocks), after_s / 3_600]
    programme.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    programme.a_matrix_.start_ = np.r_[np.arange(count + 1) * 2, count * 2 + stations]
    programme.a_matrix_.index_ = np.r_[rows.ravel(), blocks + np.arange(stations)]
    programme.a_matrix_.value_ = np.r_[values.ravel(), np.full(stations, -1.0)]
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (("output_flag", False), ("solver", "ipm"), ("threads", 1), ("random_seed", 0)):
        solver.setOptionValue(option, value)
    solver.passModel(programme)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"the linear programme was not solved: {solver.getModelStatus()}")
    answer = solver.getSolution()
    parts = np.array(answer.col_value)[:count].reshape(blocks, candidates)
    weights = np.maximum(-np.array(answer.row_dual)[blocks:], 0.0)
    return parts, weights / weights.sum() if weights.sum() > 0 else np.full(stations, 1 / stations)
