"""Who sits at the command line, as the operating system knows them."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dispatch_api.accounts.model import Actor

_LONGEST = 64


def os_user() -> str:
    """The user of this process; of one who became root by sudo, both names."""
    try:
        import pwd
    except ImportError:  # pragma: no cover - another system than POSIX
        return _plain(getpass.getuser())
    # Not by the environment, which whoever types the command sets.
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # a container's user may have no name
        name = f"uid {number}"
    # Root may set what it likes, here as in the store itself.
    before = os.environ.get("SUDO_USER") if number == 0 else None
    return _plain(f"{before} as {name}" if before and before != name else name)


def at_command_line() -> Actor:
    """Whoever gives a command without an account's name, for the history."""
    from dispatch_api.accounts.model import command_line_actor

    return command_line_actor(os_user())


def _plain(name: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in name)[:_LONGEST]
