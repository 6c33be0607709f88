"""MAVLink 2 signing: a key in a file of its own, with the time stamp that must never go back."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import logging
import os
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flightplan.errors import InputFileError

_log = logging.getLogger(__name__)

Codec = Any  # pymavlink's MAVLink carries no types

SECRET_BYTES = 32
_FORMAT = "flyonce-mavlink-key"
_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
_TICKS_PER_S = 100_000
# Stamps are set aside on disk so far ahead: after a crash the next one is still later than any that was used.
_RESERVE_TICKS = 60 * _TICKS_PER_S
_TRY_AGAIN_TICKS = 10 * _TICKS_PER_S
_OLDEST_NEW_STREAM_TICKS = 60 * _TICKS_PER_S
_SIGNATURE_BYTES = 6


def ticks_now() -> int:
    """Units of 10 microseconds since the beginning of 2015, as MAVLink counts."""
    return int((datetime.now(UTC) - _EPOCH).total_seconds() * _TICKS_PER_S)


class SigningKey:
    """The secret that a vehicle and its station share, kept in a file with the last time stamp used.

    Args:
        path: An existing key file, see `create`.
        now: The clock, in units of 10 microseconds since 2015.
        on_trouble: Told, in words for people, when the time stamp cannot be kept on disk; signing goes on.

    Raises:
        InputFileError: The file is missing or no key, or others may read it.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        now: Callable[[], int] = ticks_now,
        on_trouble: Callable[[str], None] = _log.warning,
    ) -> None:
        self.path = Path(path)
        self._now = now
        self._on_trouble = on_trouble
        self._keep_again = 0
        self.secret, self._reserved = _read(self.path)
        self._last = self._reserved
        self._lock = threading.Lock()

    @classmethod
    def create(cls, path: Path | str, *, passphrase: str | None = None) -> SigningKey:
        """A new key file, readable by its owner only.

        Args:
            path: Where; it must not exist.
            passphrase: Other ground stations derive the key from these words (SHA-256); left out, it is random.

        Raises:
            InputFileError: The file exists already, or cannot be written.
        """
        path = Path(path)
        secret = hashlib.sha256(passphrase.encode()).digest() if passphrase else secrets.token_bytes(SECRET_BYTES)
        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError as error:
            remedy = "Choose another name, or use this key"
            raise InputFileError(path=path, problem="a file of this name exists", remedy=remedy) from error
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            _write(path, secret, 0)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise _unwritable(path, error) from error
        return cls(path)

    def next_stamp(self) -> int:
        """A time stamp later than every one before, in this run and in those before it."""
        with self._lock:
            self._last = max(self._last + 1, self._now())
            if self._last >= self._reserved and self._last >= self._keep_again:
                self._keep(self._last + _RESERVE_TICKS)
            return self._last

    def _keep(self, reserved: int) -> None:
        """A full disk must not end a flight: who watches it is told, and it is tried again every now and then."""
        try:
            _write(self.path, self.secret, reserved)
        except OSError as error:
            if not self._keep_again:
                self._on_trouble(
                    f"{self.path}: the last time stamp cannot be written ({error.strerror}). Signing goes on; make "
                    "this file writable before the next flight, or a clock set back then locks you out of the vehicle."
                )
            self._keep_again = self._last + _TRY_AGAIN_TICKS
        else:
            self._reserved, self._keep_again = reserved, 0

    def saw(self, stamp: int) -> None:
        """A good signature carried this stamp; ours are later from now on."""
        with self._lock:
            self._last = max(self._last, stamp)


def sign_outgoing(codec: Codec, key: SigningKey) -> None:
    """Makes the codec sign; before each packet give it `key.next_stamp()` as `codec.signing.timestamp`."""
    codec.signing.secret_key = key.secret
    codec.signing.sign_outgoing = True
    # Each link counts in a stream of its own, so that two programs with one key do not outrun each other.
    codec.signing.link_id = secrets.randbelow(256)


def check_incoming(codec: Codec, key: SigningKey) -> None:
    """Makes the codec drop every packet without a good signature.

    The signature is checked before the time stamp is believed: pymavlink does it the other way round, so that anybody
    could shut out the true sender with one forged packet from the future.
    """
    streams: dict[tuple[int, int, int], int] = {}

    def is_good(packet: bytearray, system: int, component: int) -> bool:
        digest = hashlib.sha256(key.secret + bytes(packet[:-_SIGNATURE_BYTES])).digest()
        if not hmac.compare_digest(digest[:_SIGNATURE_BYTES], bytes(packet[-_SIGNATURE_BYTES:])):
            return False
        stamp = int.from_bytes(packet[-12:-6], "little")
        stream = (int(packet[-13]), system, component)
        if stream in streams:
            fresh = stamp > streams[stream]
        else:
            fresh = stamp + _OLDEST_NEW_STREAM_TICKS >= max(streams.values(), default=0)
        if fresh:
            streams[stream] = stamp
            key.saw(stamp)
        return fresh

    codec.signing.secret_key = key.secret
    codec.check_signature = is_good


def _read(path: Path) -> tuple[bytes, int]:
    remedy = "Give a key file of this program, or make one with `flyonce signing-key`"
    try:
        if path.stat().st_mode & 0o077:
            raise InputFileError(
                path=path, problem="other users may read this signing key", remedy=f"Run chmod 600 {path}"
            )
        content = json.loads(path.read_text())
        if content["format"] != _FORMAT:
            raise ValueError("it is of another format")
        secret, stamp = bytes.fromhex(content["key_hex"]), int(content["stamp"])
        if len(secret) != SECRET_BYTES or stamp < 0:
            raise ValueError("its key is not 32 bytes long")
    except OSError as error:
        raise InputFileError(path=path, problem=f"cannot be read ({error.strerror})", remedy=remedy) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputFileError(path=path, problem=f"is no signing key ({error})", remedy=remedy) from error
    return secret, stamp


def _write(path: Path, secret: bytes, stamp: int) -> None:
    """All or nothing: a half-written key would lock a vehicle for good."""
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    content = json.dumps({"format": _FORMAT, "version": 1, "key_hex": secret.hex(), "stamp": stamp}) + "\n"
    try:
        staged.touch(mode=0o600, exist_ok=False)
        with staged.open("w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            staged.unlink(missing_ok=True)
        raise


def _unwritable(path: Path, error: OSError) -> InputFileError:
    return InputFileError(path=path, problem=f"cannot be written ({error.strerror})", remedy="Choose another folder")
