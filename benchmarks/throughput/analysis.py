"""`flyonce analyze` of a staged patrol with its zones: what all of it takes, what it finds, and what it makes up."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from flyonce.cli.output import say
from flyonce.demo.measure import FoundCase, compare
from flyonce.demo.world import CAMERA_NAME
from throughput.timing import PEER_LIMIT_S

LEAST_SHOWN_S = 1.0
"""What the film shows more shortly does not count as missed."""
LOOKED_FOR = frozenset({"standing_water", "waste", "person"})


def time_analysis(folder: Path, *, models: Path, engine: str) -> dict[str, Any]:
    """Run the command as a user would, with a store of its own, and hold its cases against what is staged.

    Args:
        folder: A staged patrol, as `patrol.stage` makes it.
        models: Folder of the models.
        engine: What runs them.

    Returns:
        Seconds, frames, and what was found, missed and made up.

    Raises:
        RuntimeError: If the command fails.
    """
    say(f"flyonce analyze {folder.name}")
    with tempfile.TemporaryDirectory() as temporary:
        store = Path(temporary) / "city.db"
        command = [sys.executable, "-m", "flyonce", "analyze", str(folder / "patrol.mp4"), "--json"]
        command += ["--zones", str(folder / "zones.geojson"), "--camera", CAMERA_NAME, "--models", str(models)]
        began_s, before = time.perf_counter(), _cpu_s()
        done = subprocess.run(
            [*command, "--store", f"sqlite:///{store}"],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=PEER_LIMIT_S,
            env=os.environ | {"FLYONCE_ENGINE": engine},
        )
        wall_s, cpu_s = time.perf_counter() - began_s, _cpu_s() - before
        if done.returncode:
            raise RuntimeError(f"flyonce analyze ended with {done.returncode}")
        cases = _cases(store)
        found = compare(_truth(folder, Path(temporary)), cases)
    result = json.loads(done.stdout)
    return {
        "wall_s": round(wall_s, 1),
        "cpu_s": round(cpu_s, 1),
        "seconds_of": result["seconds"],
        "frames_decoded": result["frames_decoded"],
        "looks": result["frames"],
        "staged": found.truth,
        "found": len(found.matches),
        "missed": found.missed,
        "made_up": len(found.false_case_ids),
        "position_error_m_median": found.position_error_m_median,
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cases(store: Path) -> list[FoundCase]:
    with closing(sqlite3.connect(store)) as connection:
        rows = connection.execute("SELECT case_id, matter, lon, lat FROM case_file").fetchall()
    return [FoundCase(case_id=case_id, matter=matter, lon=lon, lat=lat) for case_id, matter, lon, lat in rows]


def _truth(folder: Path, temporary: Path) -> Path:
    """The staged things that the film shows long enough, as the demo writes its list."""
    features = json.loads((folder / "truth.geojson").read_text(encoding="utf-8"))["features"]
    things = [feature["properties"] for feature in features]
    shown = [thing for thing in things if thing["shown_s"] >= LEAST_SHOWN_S and thing["label"] in LOOKED_FOR]
    path = temporary / "truth.json"
    path.write_text(json.dumps({"things": shown}), encoding="utf-8")
    return path
