"""Many rows of one INSERT are one statement of SQLite; what is in the table afterwards is the same."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from dispatch_api.store.ids import rising_id
from dispatch_api.store.many import write_many_rows_at_a_step

METADATA = MetaData()
LINE = Table(
    "line",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("word", Text),
    Column("other", Integer),
    UniqueConstraint("word", name="word_once"),
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path}/lines.db")
    METADATA.create_all(engine)
    write_many_rows_at_a_step(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 63, 64, 255, 256, 257, 853])
def test_every_row_is_written_in_its_order(engine: Engine, count: int) -> None:
    rows = [{"word": f"第 {number}", "other": None if number % 3 else number} for number in range(count)]

    with engine.begin() as connection:
        connection.execute(insert(LINE), rows)
        found = connection.execute(select(LINE.c.word, LINE.c.other).order_by(LINE.c.number)).all()

    assert [row._asdict() for row in found] == rows


def test_nine_hundred_rows_are_few_steps(engine: Engine) -> None:
    steps: list[str] = []
    with engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.set_trace_callback(steps.append)
        connection.execute(insert(LINE), [{"word": str(number), "other": number} for number in range(900)])
        raw.set_trace_callback(None)

    written = [step for step in steps if step.startswith("INSERT")]
    assert len(written) == 3 + 2 + 1, "900 = 3 x 256 + 2 x 64 + 4"


def test_a_row_that_may_not_be_is_told_and_none_of_its_transaction_stays(engine: Engine) -> None:
    rows = [{"word": str(number % 90), "other": number} for number in range(100)]

    with pytest.raises(IntegrityError, match=r"line\.word"), engine.begin() as connection:
        connection.execute(insert(LINE), rows)

    with engine.connect() as connection:
        assert connection.execute(select(LINE)).all() == []


def test_what_is_no_plain_insert_goes_the_ordinary_way(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(LINE), [{"word": "a", "other": 1}, {"word": "b", "other": 2}])
        connection.exec_driver_sql("UPDATE line SET other = ? WHERE word = ?", [(10, "a"), (20, "b")])
        connection.execute(update(LINE).values(other=LINE.c.other + 1))
        found = connection.execute(select(LINE.c.other).order_by(LINE.c.number)).scalars().all()

    assert found == [11, 21]


def test_names_rise_with_time_and_no_two_are_alike() -> None:
    made = []
    for _ in range(50):
        made += [rising_id() for _ in range(20)]
        time.sleep(0.001)

    assert len(set(made)) == 1000
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in made)
    firsts = made[::20]
    assert all(earlier < later for earlier, later in itertools.pairwise(firsts))
