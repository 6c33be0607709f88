"""Names of rows that rise with time: what is new lies together in every index that names it."""

from __future__ import annotations

import random
import time


def rising_id() -> str:
    """32 hexadecimal digits: the nanoseconds since 1970 in the first half, chance in the other.

    Rows of one case lie in the indexes of six tables by its name. Names in no order touch another page of each for
    every case; names that rise touch the last one. They are unique, and no secret: nothing may rest on not knowing one.
    """
    # Seeded by the system, anew in a forked process; asking the system each time takes as long as writing a row.
    return f"{time.time_ns():016x}{random.getrandbits(64):016x}"
