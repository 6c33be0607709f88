"""A film whose telemetry's clock is off: found from its own pixels, or said why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from clock_films import a_patrol, recorded
from typer.testing import CliRunner

from flyonce.cli.main import app
from flyonce.demo.patrol_flight import Phase
from flyonce.demo.patrol_plan import StagedPatrol
from flyonce.film_clock import motion_of_film, with_clock_told
from geo.ground import FlatGround


@pytest.fixture(scope="module")
def patrol(tmp_path_factory: pytest.TempPathFactory) -> StagedPatrol:
    return a_patrol(tmp_path_factory.mktemp("patrol"))


@pytest.mark.parametrize("planted_s", [0.0, 3.4])
def test_a_planted_offset_of_a_real_film_is_found_and_its_error_kept(patrol: StagedPatrol, planted_s: float) -> None:
    recording = recorded(patrol)
    assert recording.track is not None
    late = recorded(patrol, planted_s=planted_s)
    done: list[float] = []
    told = with_clock_told(late, FlatGround(), on_progress=done.append)
    assert told.clock is not None
    assert told.clock.offset_s == pytest.approx(planted_s, abs=0.2)
    assert told.track is not None
    assert told.track.clock_sigma_s == told.clock.sigma_s
    assert told.track.at(30.0).lon == pytest.approx(recording.track.at(30.0).lon, abs=3e-5)
    assert told.problems == recording.problems
    # Clocks that agree lose no moment of the film.
    assert (told.track.began_s == 0.0) is (planted_s == 0.0)
    assert len(done) > 100
    assert done == sorted(done)


def test_a_film_that_cannot_tell_keeps_its_poses_and_says_why(tmp_path: Path) -> None:
    recording = recorded(a_patrol(tmp_path, seconds=12, phases=[Phase(seconds=12, speed_m_s=0.0)]))
    told = with_clock_told(recording, FlatGround())
    assert told.track is recording.track
    assert told.clock is not None
    # The staged camera trembles in the air, as its telemetry does not tell.
    assert told.clock.reason in ("hovering", "does_not_fit")
    assert "clocks of picture and telemetry cannot be compared" in told.problems[-1]
    assert "--offset-s SECONDS" in told.problems[-1]


def test_without_telemetry_there_is_nothing_to_compare(patrol: StagedPatrol) -> None:
    bare = replace(recorded(patrol), track=None)
    assert with_clock_told(bare, FlatGround()) is bare


def test_motion_is_measured_every_half_second(patrol: StagedPatrol) -> None:
    seen = motion_of_film(patrol.video)
    assert len(seen.later_s) > 80
    assert set((seen.later_s - seen.earlier_s).round(3)) <= {0.5, 1.0}


@pytest.mark.parametrize(("text", "words"), [("soon", "neither seconds nor `auto`"), ("nan", "no finite number")])
def test_an_offset_that_is_none_is_refused(text: str, words: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["analyze", str(tmp_path / "film.mp4"), "--offset-s", text])
    assert result.exit_code == 2
    assert words in result.stderr
