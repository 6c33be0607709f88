"""The spatial index of the cases, and the seals of the history: all SQL that differs between SQLite and PostGIS.

`case_box` holds one box for each case, wide enough for its error and its outline: an R*Tree on SQLite, polygons with a
GiST index on PostGIS. Both round boxes to 32 bits, outwards: what they find is more than asked, never less, and is
compared exactly afterwards. The migrations call what makes things here: it must go on making the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Boolean, Connection, Integer, TextualSelect, column, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

SQLITE, POSTGRESQL = DIALECTS = "sqlite", "postgresql"
BoxLonLat = tuple[float, float, float, float]

_ENVELOPE = "ST_MakeEnvelope(:west, :south, :east, :north, 4326)"
_NEAR = {
    SQLITE: "SELECT seq FROM case_box "
    "WHERE max_lon >= :west AND min_lon <= :east AND max_lat >= :south AND min_lat <= :north",
    POSTGRESQL: f"SELECT seq FROM case_box WHERE box && {_ENVELOPE}",
}
_PUT = {
    SQLITE: "INSERT OR REPLACE INTO case_box VALUES (:seq, :west, :east, :south, :north)",
    POSTGRESQL: f"INSERT INTO case_box VALUES (:seq, {_ENVELOPE}) ON CONFLICT (seq) DO UPDATE SET box = excluded.box",
}
_READ = {
    SQLITE: "SELECT seq, min_lon, min_lat, max_lon, max_lat FROM case_box ORDER BY seq",
    POSTGRESQL: "SELECT seq, ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box) FROM case_box ORDER BY seq",
}
_MAKE = {
    SQLITE: ("CREATE VIRTUAL TABLE case_box USING rtree(seq, min_lon, max_lon, min_lat, max_lat)",),
    POSTGRESQL: (
        "CREATE TABLE case_box (seq BIGINT PRIMARY KEY REFERENCES case_file (seq), "
        "box geometry(Polygon, 4326) NOT NULL)",
        "CREATE INDEX case_box_box ON case_box USING gist (box)",
    ),
}
_SEALING_FUNCTION = (
    "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$"
)


def near_boxes(dialect: str) -> TextualSelect:
    """A query for the `seq` of cases whose box meets `:west`, `:south`, `:east`, `:north` (degrees)."""
    return text(_NEAR[dialect]).columns(column("seq", Integer))


def put_box(connection: Connection, seq: int, box_lonlat: BoxLonLat) -> None:
    """Set the box (west, south, east, north in degrees) of the case `seq`."""
    put_boxes(connection, [(seq, box_lonlat)])


def put_boxes(connection: Connection, boxes: list[tuple[int, BoxLonLat]]) -> None:
    """Set the boxes of many cases at once."""
    rows = [{"seq": seq, "west": w, "south": s, "east": e, "north": n} for seq, (w, s, e, n) in boxes]
    if rows:
        connection.execute(text(_PUT[connection.dialect.name]), rows)


def read_boxes(connection: Connection) -> Iterator[tuple[int, BoxLonLat]]:
    """Every case's box, by `seq`."""
    for seq, west, south, east, north in connection.execute(text(_READ[connection.dialect.name])):
        yield seq, (west, south, east, north)


def make_boxes(connection: Connection) -> None:
    """Create the empty spatial index; for the first migration."""
    for statement in _MAKE[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def seal(connection: Connection, tables: tuple[str, ...]) -> None:
    """Make tables append-only; for the first migration."""
    if connection.dialect.name == POSTGRESQL:
        connection.exec_driver_sql(_SEALING_FUNCTION)
    for table in tables:
        for statement in _seals(connection.dialect.name, table):
            connection.exec_driver_sql(statement)


def _seals(dialect: str, table: str) -> Iterator[str]:
    if dialect == POSTGRESQL:
        yield (
            f"CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        yield (
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


class cases_within(FunctionElement[bool]):  # noqa: N801 - named as it reads in a query
    """The condition that a case's `(lon, lat)` lies within `(west, south, east, north)`, edges included.

    Built as `cases_within(case.c.seq, case.c.lon, case.c.lat, west, south, east, north)`.
    """

    type = Boolean()
    inherit_cache = True
    name = "cases_within"


@compiles(cases_within)
def _by_columns(element: cases_within, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the compiler's own
    _, lon, lat, west, south, east, north = (compiler.process(part, **options) for part in element.clauses)
    return f"({lon} BETWEEN {west} AND {east} AND {lat} BETWEEN {south} AND {north})"


@compiles(cases_within, POSTGRESQL)
def _by_boxes(element: cases_within, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the compiler's own
    seq, _, _, west, south, east, north = (compiler.process(part, **options) for part in element.clauses)
    return (
        f"({_by_columns(element, compiler, **options)} AND {seq} IN (SELECT seq FROM case_box "
        f"WHERE box && ST_MakeEnvelope({west}, {south}, {east}, {north}, 4326)))"
    )
