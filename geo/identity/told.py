"""What pieces of several flights say together of one thing's place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from geo import gaussian
from geo.gaussian import Estimate, Sym
from geo.identity.flight import Chart
from geo.identity.piece import Piece


class Told(NamedTuple):
    """What the flights of one chart say together.

    Attributes:
        chart: Their chart.
        place: Metres in its frame, and the error of that without the offset that they still share.
        shared: The covariance of one flight's offset.
        flights: Those of the chart's flights that saw it.
        times: In how many sightings.
    """

    chart: Chart
    place: Estimate
    shared: Sym
    flights: frozenset[str]
    times: int

    def on_earth(self) -> Estimate:
        """Place and whole error; the offset of a chart is the mean of its flights', and they are independent."""
        (e, n), (see, sen, snn) = self.chart.middle, self.shared
        east, north, ee, en, nn = self.place
        share = 1.0 / len(self.chart.flights)
        return east + e, north + n, ee + share * see, en + share * sen, nn + share * snn


def tell(pieces: list[Piece], floor_m: float) -> Told:
    """What pieces of one chart say together, their flights' offsets being at least so large (one sigma)."""
    flight = pieces[0].flight
    if len(pieces) == 1:
        place, flights = in_chart(pieces[0]), flight.alone
    else:
        place = fuse([in_chart(piece) for piece in pieces])
        flights = frozenset([piece.flight.flight_id for piece in pieces])
    count, ee, en, nn = 0, 0.0, 0.0, 0.0
    for piece in pieces:
        see, sen, snn = piece.shared_sum
        count, ee, en, nn = count + len(piece.rows), ee + see, en + sen, nn + snn
    shared = gaussian.raised((ee / count, en / count, nn / count), floor_m * floor_m)
    return Told(flight.chart, place, shared, flights, count)


def in_chart(piece: Piece) -> Estimate:
    """Where a piece lies in the frame of its flight's chart, with what is unsure of the flight's place in it."""
    flight = piece.flight
    east, north, ee, en, nn = piece.told
    (e, n), (see, sen, snn) = flight.shift, flight.shift_covariance
    return east - e, north - n, ee + see, en + sen, nn + snn


def fuse(estimates: Iterable[Estimate]) -> Estimate:
    """The mean of places, each weighted by its error, and the error of that."""
    pull = gaussian.NO_PULL
    for estimate in estimates:
        pull = gaussian.pulled(pull, estimate)
    return gaussian.mean(pull)
