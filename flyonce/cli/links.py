"""Options of every command that speaks to a vehicle, and the connection that they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flightplan.link.link import Link, open_link
from flightplan.link.signing import SigningKey
from flyonce.cli.output import say

# Longer than the period of heartbeats: a second vehicle on the link is heard before anything is sent.
_LISTEN_S = 1.3

SystemId = Annotated[
    int | None, typer.Option("--system-id", min=1, max=254, help="Which vehicle is meant, where the link has several.")
]
KeyFile = Annotated[
    Path | None, typer.Option("--signing-key", help="Key file of a vehicle that obeys only signed messages.")
]


def connect(url: str, system_id: int | None, key_file: Path | None) -> Link:
    """The link to the vehicle that is meant."""
    key = SigningKey(key_file, on_trouble=say) if key_file is not None else None
    return open_link(url, system_id=system_id, key=key, listen_s=_LISTEN_S if system_id is None else 0.0)
