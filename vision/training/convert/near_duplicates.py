"""Pictures that show almost the same: found by a hash of 64 bits, so that a split never divides them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from vision.sources.photos import read_frame

MOST_DIFFERENT_BITS = 7
"""Of 64; frames of one hovering drone differ by less."""

_BANDS = 8


def difference_hash(path: Path) -> int:
    """Return 64 bits: whether each of 8 × 8 cells is brighter than the one to its right.

    Raises:
        PhotoError: The picture cannot be read.
    """
    grey = cv2.cvtColor(read_frame(path).image_bgr, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = (small[:, :-1] > small[:, 1:]).reshape(-1)
    return int("".join("1" if bit else "0" for bit in bits), 2)


def groups_of(hashes: Sequence[int | None]) -> list[int]:
    """Group hashes that differ in few bits, directly or by others between them.

    Two hashes that differ in at most 7 of 64 bits agree in at least one of 8 bands of 8 bits, so only those that share
    a band are compared.

    Args:
        hashes: One per picture; None for one that must stay alone.

    Returns:
        Per picture the position of the first one of its group.
    """
    parents = list(range(len(hashes)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    bands: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for i, value in enumerate(hashes):
        if value is None:
            continue
        for band in range(_BANDS):
            shared = bands[band, (value >> (8 * band)) & 0xFF]
            for j in shared:
                other = hashes[j]
                if other is not None and root(i) != root(j) and (value ^ other).bit_count() <= MOST_DIFFERENT_BITS:
                    a, b = sorted((root(i), root(j)))
                    parents[b] = a
            shared.append(i)
    return [root(i) for i in range(len(hashes))]
