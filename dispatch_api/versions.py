"""Versions of what people change: whoever changes something may say which version of it they read."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from sqlalchemy import Row

from dispatch_api.errors import LostUpdate

Expected = AbstractSet[int] | None
"""The versions that the asker can have read; None where they do not say."""


def check_version(row: Row[Any], expected: Expected, *, subject: str) -> None:
    """Refuse a change of something that was changed since the asker read it; asked in the transaction of the change.

    Raises:
        LostUpdate: The row has another version.
    """
    if expected is not None and row.version not in expected:
        raise LostUpdate(subject=subject, version=row.version)
