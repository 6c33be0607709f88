"""The collection of cases, in the order of their making."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from dispatch_api.accounts.sight import visible_cases
from dispatch_api.cases.choice import Choice
from dispatch_api.cases.features import case_properties, errors_of
from dispatch_api.cases.filters import CaseFilter
from dispatch_api.cases.listing import Page, listed_seqs, shown_rows
from dispatch_api.cursors import cursor_of, row_of
from dispatch_api.doors.ogc.wanted import MOST_MATCHED, Feature, Found, Wanted, cut, point
from dispatch_api.store.schema import case

CURSOR = "ogc.cases"
_NESTED = ("ellipse95", "footprint", "error", "thumbnail_url")


def find_cases(connection: Connection, wanted: Wanted) -> Found:
    """A page of cases, each at its place, with its error."""
    if wanted.key is not None:
        one = select(case.c.seq).where(visible_cases(wanted.account), case.c.case_id == wanted.key)
        features = _features(connection, connection.execute(one).scalars().all(), wanted)
        return Found(features=features, matched=len(features))
    start, end = wanted.span or (None, None)
    box, turn = wanted.box, wanted.turn
    bbox = None if box is None else f"{box.west!r},{box.south!r},{box.east!r},{box.north!r}"
    choice = Choice.of(connection, CaseFilter(bbox=bbox, seen_from=start, seen_until=end), wanted.account)
    backwards = turn.before is not None
    # Who asks for the first page learns how many there are, if they are not too many: they are read at the same time.
    counts = turn.is_first and choice.matched is None
    page = Page(
        limit=max(wanted.limit, MOST_MATCHED if counts else 0) + 1,
        beyond=row_of(turn.before or turn.after, CURSOR),
        skip=turn.skip,
        oldest_first=not backwards,
    )
    seqs = listed_seqs(connection, choice, page)
    matched = len(seqs) if counts and len(seqs) < page.limit else choice.matched
    kept, earlier, later = cut(seqs, wanted)
    return Found(
        features=_features(connection, kept, wanted),
        matched=matched,
        before=cursor_of(CURSOR, kept[0]) if earlier else None,
        after=cursor_of(CURSOR, kept[-1]) if later else None,
    )


def _features(connection: Connection, seqs: Sequence[int], wanted: Wanted) -> list[Feature]:
    rows = shown_rows(connection, seqs)
    features = []
    for row, error in zip(rows, errors_of(rows), strict=True):
        properties = case_properties(row, matters=wanted.matters, original_sha256=None, error=error)
        # A column of a table holds a word or a number.
        flat = {name: value for name, value in properties.items() if name not in _NESTED}
        flat |= {f"error_{name}": value for name, value in properties["error"].items()}
        features.append(point(row.case_id, row.lon, row.lat, flat))
    return features
