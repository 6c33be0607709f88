"""Password hashes: argon2id, with a cap on how many run at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MAX_CONCURRENT_HASHES = 2
MIN_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 1024


@dataclass(frozen=True)
class Passwords:
    """Makes and checks hashes. Each takes tens of MiB, so that more than a few at once would starve the service."""

    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    slots: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_CONCURRENT_HASHES))

    def hashed(self, password: str) -> str:
        """The argon2id hash of a password."""
        with self.slots:
            return self.hasher.hash(password)

    def fits(self, password: str, password_hash: str) -> bool:
        """Whether a password is the one of a hash."""
        with self.slots:
            try:
                return self.hasher.verify(password_hash, password)
            except (VerificationError, InvalidHashError):
                return False
