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


def check_part(changed_in: int, expected: Expected, *, whole: int, subject: str) -> None:
    """Refuse a change of one part of something, where that part was changed since the asker read the whole.

    Whoever changes another part meanwhile is not in the way: every version of the whole from the part's last change on
    shows the part as it is.

    Args:
        changed_in: The version of the whole that the part's last change made.
        expected: The versions of the whole that the asker can have read.
        whole: The version that the whole has now.
        subject: What is to be changed, for the message.

    Raises:
        LostUpdate: None of the expected versions shows the part as it is.
    """
    if expected is not None and not any(changed_in <= one <= whole for one in expected):
        raise LostUpdate(subject=subject, version=whole)
