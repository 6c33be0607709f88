"""What pieces of several flights say together of one thing's place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from geo import gaussian
from geo.gaussian import Sym, Vec
from geo.identity.flight import Chart
from geo.identity.piece import Piece


class Told(NamedTuple):
    """What the flights of one chart say together.

    Attributes:
        chart: Their chart.
        place: Metres in its frame.
        noise: The error of that without the offset that they still share.
        shared: The covariance of one flight's offset.
        flights: Those of the chart's flights that saw it.
        times: In how many sightings.
    """

    chart: Chart
    place: Vec
    noise: Sym
    shared: Sym
    flights: frozenset[str]
    times: int

    def on_earth(self) -> tuple[Vec, Sym]:
        """Place and whole error; the offset of a chart is the mean of its flights', and they are independent."""
        (east, north), (ee, en, nn) = self.chart.middle, self.noise
        share = 1.0 / len(self.chart.flights)
        return (self.place[0] + east, self.place[1] + north), (
            ee + share * self.shared[0],
            en + share * self.shared[1],
            nn + share * self.shared[2],
        )


def tell(pieces: list[Piece], floor_m: float) -> Told:
    """What pieces of one chart say together, their flights' offsets being at least so large (one sigma)."""
    first = pieces[0]
    flight = first.flight
    count = len(first.points)
    if len(pieces) == 1:
        place = (first.place[0] - flight.shift[0], first.place[1] - flight.shift[1])
        noise, shared = gaussian.add(first.noise, flight.shift_covariance), first.shared
        flights = flight.alone
    else:
        place, noise = fuse(
            (
                (piece.place[0] - piece.flight.shift[0], piece.place[1] - piece.flight.shift[1]),
                gaussian.add(piece.noise, piece.flight.shift_covariance),
            )
            for piece in pieces
        )
        count = sum(len(piece.points) for piece in pieces)
        shared = gaussian.ZERO
        for piece in pieces:
            shared = gaussian.add(shared, gaussian.scale(piece.shared, len(piece.points) / count))
        flights = frozenset(piece.flight.flight_id for piece in pieces)
    return Told(
        chart=flight.chart,
        place=place,
        noise=noise,
        shared=gaussian.at_least(shared, floor_m),
        flights=flights,
        times=count,
    )


def fuse(estimates: Iterable[tuple[Vec, Sym]]) -> tuple[Vec, Sym]:
    """The mean of places, each weighted by its error, and the error of that."""
    information, weighted = gaussian.ZERO, (0.0, 0.0)
    for place, covariance in estimates:
        own = gaussian.inverse(covariance)
        pull = gaussian.times(own, place)
        information, weighted = gaussian.add(information, own), (weighted[0] + pull[0], weighted[1] + pull[1])
    covariance = gaussian.inverse(information)
    return gaussian.times(covariance, weighted), covariance
