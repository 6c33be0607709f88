"""The people of the tests, and hashing quick enough for them."""

from __future__ import annotations

from argon2 import PasswordHasher

from dispatch_api.accounts.passwords import Passwords

PASSWORD = "a-long-password"
PEOPLE = {
    "pilot": ("operator", None),
    "chief": ("centre", None),
    "second_chief": ("centre", None),
    "drainer": ("department", "drainage"),
    "towner": ("department", "town"),
    "ecologist": ("department", "ecology"),
    "sanitary": ("department", "sanitation"),
}
QUICK = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
