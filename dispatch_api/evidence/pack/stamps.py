"""Time stamps after RFC 3161 over the SHA-256 of a pack's manifest: had, read and checked."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from dispatch_api.deliveries.addresses import Guard, Network
from dispatch_api.deliveries.wire import NotSent, Wire
from dispatch_api.errors import EvidenceError, StampError
from dispatch_api.evidence.pack import standalone
from dispatch_api.evidence.pack.der import with_sorted_certificates
from dispatch_api.evidence.pack.members import Member, Tick, weigh, write_members

_TIMEOUT_S = 20.0
_QUERY = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


def token_from(url: str, manifest: bytes, *, allowed: Sequence[Network] = (), timeout_s: float = _TIMEOUT_S) -> bytes:
    """Ask an authority for a time stamp. It learns the digest and nothing else; redirects are not followed.

    Args:
        url: The authority's.
        manifest: What is stamped.
        allowed: Private networks where an authority may be; http:// and addresses inside are refused elsewhere.
        timeout_s: From the first look-up to the end of the answer.

    Raises:
        StampError: It does not answer in time, refuses, or stamps something else.
        AddressRefused: No stamp is had from there.
        InvalidRequest: The URL cannot be used.
    """
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response

    query = TimestampRequestBuilder().data(manifest).hash_algorithm(HashAlgorithm.SHA256).build()
    try:
        status, body = asyncio.run(_ask(url, query.as_bytes(), allowed, timeout_s))
    except NotSent as error:
        raise StampError(source="the time-stamp authority", problem=str(error)) from error
    if status != 200:
        raise StampError(source="the time-stamp authority", problem=f"it answers with HTTP {status}")
    checked = check_imprint(body, manifest, source="the time-stamp authority's answer")
    if decode_timestamp_response(with_sorted_certificates(checked)).tst_info.nonce != query.nonce:
        raise StampError(source="the time-stamp authority's answer", problem="it answers another question (nonce)")
    return checked


async def _ask(url: str, query: bytes, allowed: Sequence[Network], timeout_s: float) -> tuple[int, bytes]:
    async with Wire(Guard(allowed=tuple(allowed)), timeout_s=timeout_s) as wire:
        answer = await wire.post(url, query, _QUERY)
        return answer.status, answer.body


def check_imprint(response: bytes, manifest: bytes, *, source: str) -> bytes:
    """A time-stamp response, if it grants a stamp of this manifest; who signed it is `check_signature`'s question.

    Raises:
        StampError: It is none, or stamps something else.
    """
    from rfc3161_client import decode_timestamp_response

    try:
        told = decode_timestamp_response(with_sorted_certificates(response))
        granted, imprint = told.status == 0, told.tst_info.message_imprint.message
    except ValueError as error:
        raise StampError(source=source, problem="it is no time-stamp response that grants a stamp") from error
    if not granted:
        raise StampError(source=source, problem=f"the authority refused (status {told.status})")
    if imprint != hashlib.sha256(manifest).digest():
        raise StampError(source=source, problem="it stamps something else than this pack's manifest")
    return response


def check_signature(response: bytes, manifest: bytes, certificates: bytes) -> datetime:
    """Check who stamped a manifest.

    Args:
        response: The time-stamp response.
        manifest: What it stamps.
        certificates: PEM, the root that is trusted and, where the stamp lacks them, those below it.

    Returns:
        When it was stamped, aware UTC, by the authority's clock.

    Raises:
        StampError: The signature or its chain of certificates does not hold.
    """
    from cryptography import x509
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        given = x509.load_pem_x509_certificates(certificates)
        told = decode_timestamp_response(with_sorted_certificates(response))
        builder = VerifierBuilder()
        for one in given:
            if one.subject == one.issuer:
                builder = builder.add_root_certificate(one)
            else:
                builder = builder.add_intermediate_certificate(one)
        builder.build().verify(told, hashlib.sha256(manifest).digest())
        return told.tst_info.gen_time
    except (VerificationError, ValueError) as error:
        problem = " ".join(str(error).split()) or "it does not hold"
        raise StampError(source="the time stamp's signature", problem=problem) from error


def stamp_pack(pack: Path, out: Path, token: bytes, *, tick: Tick | None = None) -> standalone.Intact:
    """The same pack with a time stamp, as a new file.

    Args:
        pack: An intact pack.
        out: The new file.
        token: A time-stamp response over its manifest.
        tick: Told how many bytes are written.

    Raises:
        Wrong: The pack is not intact.
        StampError: The token stamps something else.
        EvidenceError: The new file is there already or cannot be written.
    """
    if out.exists():
        raise EvidenceError(path=out, problem="is there already", remedy="Name a new file, or remove it")
    standalone.verify(pack)
    partial = out.with_name(f"{out.name}.partial")
    with standalone.opened(pack) as container, tempfile.TemporaryDirectory(dir=out.parent) as folder:
        manifest = b"".join(container.blocks(standalone.MANIFEST))
        check_imprint(token, manifest, source="the time-stamp token")
        names = [one["path"] for one in json.loads(manifest)["entries"][1:] if one["path"] is not None]
        weighed = []
        for number, name in enumerate(names):
            copy = Path(folder) / str(number)
            with copy.open("wb") as file:
                file.writelines(container.blocks(name))
            weighed.append(weigh(Member(name=name, content=copy)))
        try:
            write_members(partial, manifest, weighed, token=token, tick=tick)
            told = standalone.verify(partial)
            partial.rename(out)
        finally:
            partial.unlink(missing_ok=True)
    return told


def token_of(pack: Path) -> tuple[bytes, bytes | None]:
    """The manifest of a pack, and its time-stamp response if it has one."""
    with standalone.opened(pack) as container:
        token = b"".join(container.blocks(standalone.TOKEN)) if standalone.TOKEN in container.names else None
        return b"".join(container.blocks(standalone.MANIFEST)), token
