"""How a step of `python -m vision.training…` runs: its result as JSON, its refusal as one line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from vision.errors import VisionError


def run_step(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Parse the arguments and call the step that they name (`set_defaults(run=…)`).

    Returns:
        The exit code: 0, or 2 where the step refuses its input.
    """
    options = parser.parse_args(arguments)
    try:
        result = options.run(options)
    except VisionError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(json.dumps(result, indent=1))  # noqa: T201
    return 0
