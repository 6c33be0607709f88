"""Many rows of one INSERT as few steps of SQLite.

Its driver makes each row of `executemany` a step of its own, and at each step lets go of the interpreter: of a batch's
nine hundred rows each waits in line for it while the service reads and answers. One INSERT of many rows is one step.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Engine, event

_INSERT = re.compile(r"(INSERT\b[^()]*(?:\([^()]*\) )?VALUES )(\(\?(?:, \?)*\))")
# Few sizes, so that each is prepared once and kept; SQLite takes 32,766 values, and the widest row has fifty.
_SIZES = (256, 64, 16, 4, 1)

STATEMENTS_KEPT = 512
"""Prepared statements that a connection keeps: these sizes for each table, and all others."""


def write_many_rows_at_a_step(engine: Engine) -> None:
    """Have what `executemany` is given for a plain INSERT written as statements of many rows."""

    @event.listens_for(engine, "do_executemany")
    def _write(cursor: Any, statement: str, rows: Sequence[tuple[Any, ...]], _context: object) -> bool:  # noqa: ANN401
        plain = _INSERT.fullmatch(statement)
        if plain is None:
            return False
        at = 0
        for size in _SIZES:
            while len(rows) - at >= size:
                many = _of_size(plain[1], plain[2], size)
                cursor.execute(many, tuple(chain.from_iterable(rows[at : at + size])))
                at += size
        return True


@lru_cache(maxsize=STATEMENTS_KEPT)
def _of_size(insert: str, row: str, size: int) -> str:
    return f"{insert}{', '.join([row] * size)}"
