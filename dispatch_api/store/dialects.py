"""All SQL that is not SQLAlchemy's: the index of places, the seals of the history, counted keys.

`case_box` holds one box for each case, wide enough for its error and its outline: an R*Tree on SQLite, polygons with a
GiST index on PostGIS. Both round boxes to 32 bits, outwards: what they find is more than asked, never less, and is
compared exactly afterwards. The migrations call what makes things here: it must go on making the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Integer, Select, Table, Text, TextualSelect, column, select, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

from dispatch_api.store.bulk import Put, write_rows

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
    POSTGRESQL: "INSERT INTO case_box SELECT seq, ST_MakeEnvelope(west, south, east, north, 4326) "
    "FROM json_to_recordset(CAST(:rows AS json)) "
    "AS told (seq bigint, west float8, south float8, east float8, north float8) "
    "ON CONFLICT (seq) DO UPDATE SET box = excluded.box",
}
_NEAR_MANY = {
    SQLITE: "SELECT asked.key AS nth, box.seq AS seq FROM json_each(:boxes) AS asked CROSS JOIN case_box AS box "
    "WHERE box.max_lon >= json_extract(asked.value, '$[0]') AND box.max_lat >= json_extract(asked.value, '$[1]') "
    "AND box.min_lon <= json_extract(asked.value, '$[2]') AND box.min_lat <= json_extract(asked.value, '$[3]')",
    POSTGRESQL: "SELECT asked.number - 1 AS nth, box.seq AS seq "
    "FROM jsonb_array_elements(CAST(:boxes AS jsonb)) WITH ORDINALITY AS asked (edges, number) JOIN case_box AS box "
    "ON box.box && ST_MakeEnvelope(CAST(edges ->> 0 AS float8), CAST(edges ->> 1 AS float8), "
    "CAST(edges ->> 2 AS float8), CAST(edges ->> 3 AS float8), 4326)",
}
_WORDS = {
    SQLITE: "SELECT value AS word FROM json_each(:words)",
    POSTGRESQL: 'SELECT word COLLATE "C" AS word FROM json_array_elements_text(CAST(:words AS json)) AS told (word)',
}
_COUNTED_UP = "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_COUNT = {
    SQLITE: f"INSERT INTO counter (name, value) VALUES (:name, :value) {_COUNTED_UP}",
    POSTGRESQL: "INSERT INTO counter (name, value) SELECT name, value "
    f"FROM json_to_recordset(CAST(:rows AS json)) AS told (name text, value bigint) {_COUNTED_UP}",
}
_READ = {
    SQLITE: "SELECT seq, min_lon, min_lat, max_lon, max_lat FROM case_box ORDER BY seq",
    POSTGRESQL: "SELECT seq, ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box) FROM case_box ORDER BY seq",
}
_UNPLACED = {
    SQLITE: "SELECT f.seq FROM case_file f LEFT JOIN case_box b ON b.seq = f.seq WHERE b.seq IS NULL "
    "OR NOT (f.lon BETWEEN b.min_lon AND b.max_lon AND f.lat BETWEEN b.min_lat AND b.max_lat) ORDER BY f.seq LIMIT 20",
    POSTGRESQL: "SELECT f.seq FROM case_file f LEFT JOIN case_box b ON b.seq = f.seq WHERE b.seq IS NULL "
    "OR NOT ST_Intersects(b.box, ST_SetSRID(ST_MakePoint(f.lon, f.lat), 4326)) ORDER BY f.seq LIMIT 20",
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


def one_of_words(dialect: str) -> Select[tuple[str]]:
    """The words of `:words`, a JSON array: for `IN`, where a parameter for each of a thousand would take longest."""
    words = text(_WORDS[dialect]).columns(column("word", Text)).subquery("words")
    return select(words.c.word)


def near_many_boxes(dialect: str) -> TextualSelect:
    """A query for which (`nth`) of `:boxes` and the `seq` of cases whose box meets it.

    `:boxes` is a JSON array of `[west, south, east, north]` (degrees), counted from 0.
    """
    return text(_NEAR_MANY[dialect]).columns(column("nth", Integer), column("seq", Integer))


BOX = Put(name="case_box", statements={dialect: text(_PUT[dialect]) for dialect in DIALECTS})
"""Sets the box of a case; see `box_row`."""

COUNT = Put(name="counter", statements={dialect: text(_COUNT[dialect]) for dialect in DIALECTS})
"""Sets how far a name is counted: `name`, `value`."""


def box_row(seq: int, box_lonlat: BoxLonLat) -> dict[str, float]:
    """The box (west, south, east, north in degrees) of the case `seq` as `BOX` takes it."""
    west, south, east, north = box_lonlat
    return {"seq": seq, "west": west, "south": south, "east": east, "north": north}


def put_boxes(connection: Connection, boxes: list[tuple[int, BoxLonLat]]) -> None:
    """Set the boxes of many cases at once."""
    if boxes:
        write_rows(connection, BOX, [box_row(seq, box) for seq, box in boxes])


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


def go_on_counting(connection: Connection, tables: Iterable[Table]) -> None:
    """After rows came in with their keys: let the next key be a new one. SQLite sees to that by itself."""
    if connection.dialect.name != POSTGRESQL:
        return
    for table in tables:
        key = table.autoincrement_column
        if key is not None:
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{key.name}'), (SELECT max({key.name}) "
                f"FROM {table.name})) WHERE EXISTS (SELECT 1 FROM {table.name})"
            )


def unplaced(connection: Connection) -> list[int]:
    """The `seq` of the cases (20 at most) that the spatial index would not find at their place."""
    return list(connection.execute(text(_UNPLACED[connection.dialect.name])).scalars())


class cases_within(FunctionElement[Any]):  # noqa: N801 - named as it reads in a query
    """The condition that a case's `(lon, lat)` lies within `(west, south, east, north)`, edges included.

    Built as `cases_within(case.c.seq, case.c.lon, case.c.lat, west, south, east, north)`.
    """

    # Of a Boolean, SQLAlchemy would ask `= 1` on SQLite, which then looks at every case.
    type = NullType()
    inherit_cache = True
    name = "cases_within"


@compiles(cases_within)
def _by_boxes(element: cases_within, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the compiler's own
    seq, lon, lat, *edges = (compiler.process(part, **options) for part in element.clauses)
    west, south, east, north = edges
    boxes = _NEAR[compiler.dialect.name]
    for name, edge in zip((":west", ":south", ":east", ":north"), edges, strict=True):
        boxes = boxes.replace(name, edge)
    exactly = f"{lon} BETWEEN {west} AND {east} AND {lat} BETWEEN {south} AND {north}"
    return f"({seq} IN ({boxes}) AND {exactly})"
