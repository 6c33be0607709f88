"""Which errors are a user's to mend (exit code 2), and which are failures of something else (1)."""

from __future__ import annotations

import errno

from dispatch_api.errors import ConfigurationError, DispatchError, Forbidden, StoreSchemaError, StoreUrlError
from flightplan.errors import CannotPlan, FlightplanError, InvalidMission
from flyonce.cli.output import EXIT_BAD_INPUT, EXIT_FAILURE
from flyonce.demo.errors import DemoError
from flyonce.feed import FeedError
from flyonce.recordings import RecordingError
from flyonce.rules_file import RulesError
from flyonce.settings import SettingsError
from geo.errors import GeoError
from vision.errors import ModelError, PhotoError, StreamError, VideoError, VisionError

_BAD_INPUT = (
    CannotPlan,
    ConfigurationError,
    FeedError,
    Forbidden,
    GeoError,
    InvalidMission,
    ModelError,
    PhotoError,
    RecordingError,
    RulesError,
    SettingsError,
    StoreSchemaError,
    StoreUrlError,
    StreamError,
    VideoError,
)
_FAILURES = (DemoError, DispatchError, FlightplanError, VisionError)

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""A full or read-only disk, whose own words name the file."""


def exit_code_for(error: Exception) -> int | None:
    """The exit code of an expected error; None for one that is a defect and deserves its traceback."""
    if isinstance(error, _BAD_INPUT):
        return EXIT_BAD_INPUT
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return EXIT_FAILURE
    return EXIT_FAILURE if isinstance(error, _FAILURES) else None
