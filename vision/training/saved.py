"""What a run needs to go on, kept whole after every epoch.

A trainer writes its checkpoints in place: a process that is killed while it does leaves half a file, and a log that may
be an epoch ahead. Copies in a folder of their own, which gets its name when all is in it, are always whole.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

KEPT = "kept"
_FILES = ("weights/last.pt", "weights/best.pt", "results.csv")


def keep(run: Path, epoch: int) -> None:
    """Keep the run as it is after an epoch, in place of what was kept before.

    Args:
        run: Folder of the run.
        epoch: How many epochs are done, at least 1.
    """
    place = run / KEPT
    partial = place / f".{epoch:06}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name in _FILES:
        if (run / name).is_file():
            shutil.copyfile(run / name, partial / Path(name).name)
            _flush(partial / Path(name).name)
    _flush(partial)
    whole = place / f"{epoch:06}"
    shutil.rmtree(whole, ignore_errors=True)
    partial.rename(whole)
    _flush(place)
    for old in place.iterdir():
        if old != whole:
            shutil.rmtree(old)


def restore(run: Path) -> Path | None:
    """Put the run back to where it was after the last epoch that was kept.

    Returns:
        The checkpoint to go on from; None if no epoch was finished.
    """
    whole = sorted(path for path in (run / KEPT).glob("[0-9]*") if path.is_dir())
    if not whole:
        return None
    (run / "weights").mkdir(exist_ok=True)
    for name in _FILES:
        kept = whole[-1] / Path(name).name
        if kept.is_file():
            shutil.copyfile(kept, run / name)
    return run / _FILES[0]


def forget(run: Path) -> None:
    """Remove what was kept: the run is finished."""
    shutil.rmtree(run / KEPT, ignore_errors=True)


def _flush(path: Path) -> None:
    """Have a file or a folder's entries on the disk before anything is built on them."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
