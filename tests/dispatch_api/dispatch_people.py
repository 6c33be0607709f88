"""The people of the tests, and hashing quick enough for them."""

from __future__ import annotations

from argon2 import PasswordHasher

from dispatch_api.accounts.passwords import Passwords

PASSWORD = "a-long-password"
PEOPLE = {
    "pilot": ("operator", None),
    "chief": ("centre", None),
    "second_chief": ("centre", None),
    "drainer": ("leader", "drainage"),
    "towner": ("leader", "town"),
    "ecologist": ("leader", "ecology"),
    "drain_hand": ("handler", "drainage"),
    "checker": ("auditor", None),
    "keeper": ("admin", None),
    "sanitary": ("leader", "sanitation"),
}
QUICK = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
