"""What happens to a plan that the rules forbid: drafts for a map, and every reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from flightplan.files.draft import SUFFIX, write_draft
from flightplan.mission.limits import Violation
from flightplan.mission.mission import Mission
from flyonce.cli.output import EXIT_FAILURE, emit_json, fail, say
from flyonce.mission_writing import remove_earlier

Judged = Sequence[tuple[Mission, tuple[Violation, ...]]]


def refuse_unlawful(judged: Judged, out: Path, *, as_json: bool) -> NoReturn:
    """Write drafts of the missions that break a rule, say why, and leave with code 1; nothing else is written."""
    drafts: list[tuple[Path, Mission, tuple[Violation, ...]]] = []
    for number, (mission, violations) in enumerate(judged, start=1):
        if violations:
            stem = "mission" if number == 1 else f"mission-{number}"
            drafts.append((out / f"{stem}{SUFFIX}", mission, violations))
    try:
        remove_earlier(out, [path.name for path, _, _ in drafts])
        for path, mission, violations in drafts:
            write_draft(path, mission, violations)
    except OSError as error:
        fail(f"{out}: cannot be written to ({error.strerror}). Choose another folder with --out.")
    if as_json:
        emit_json(
            {
                "lawful": False,
                "drafts": [
                    {"file": str(path), "mission": mission.name, "violations": [asdict(one) for one in violations]}
                    for path, mission, violations in drafts
                ],
            }
        )
    for path, mission, violations in drafts:
        say(f"{path}: {mission.name} is a draft only")
        for violation in violations:
            say(f"  {violation}")
    fail("This plan may not be flown; nothing but drafts was written.", code=EXIT_FAILURE)
