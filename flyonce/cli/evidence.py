"""`flyonce evidence`: packs that prove themselves, sealed originals, holds and the quota."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flyonce.cli.output import EXIT_FAILURE, emit_json, fail, progress, say
from flyonce.cli.who import AsOption, OwnStdinOption, acting
from flyonce.settings import Settings

if TYPE_CHECKING:
    from dispatch_api.evidence.pack.contents import PackCard
    from dispatch_api.evidence.pack.standalone import Intact

app = typer.Typer(
    name="evidence",
    help="Packs that prove themselves, sealed originals, holds, and the quota of the evidence folder.",
    rich_markup_mode=None,
)

StoreOption = Annotated[str | None, typer.Option("--store", help="Store URL, like sqlite:///city.db.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
CaseArgument = Annotated[str, typer.Argument(help="The case's number or id.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is kept in the history.")]
TsaOption = Annotated[str | None, typer.Option("--tsa", help="URL of an RFC 3161 time-stamp authority.")]
NetworkOption = Annotated[
    list[str] | None, typer.Option("--tsa-network", help="Private network where the authority may be, 10.20.0.0/16.")
]
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?")
_POWERS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4}


@app.callback()
def group() -> None:
    """Packs that prove themselves, sealed originals, holds and the quota."""


@app.command()
def pack(
    case: CaseArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="New file, like case.zip.")],
    store: StoreOption = None,
    originals: Annotated[bool, typer.Option("--originals", help="Enclose the sealed originals.")] = False,
    reason: ReasonOption = "",
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    lang: Annotated[str, typer.Option(help="Language of the PDF, and the page's first: zh or en.")] = "zh",
    tsa: TsaOption = None,
    tsa_network: NetworkOption = None,
    matters: Annotated[Path | None, typer.Option(help="The city's matters, in place of the defaults.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a zip of one case: pictures, map, telemetry, models, history, report, and how to check it all."""
    from dispatch_api.cases.matters import load_matters
    from dispatch_api.deliveries.addresses import networks_of
    from dispatch_api.evidence.pack.building import build_pack
    from dispatch_api.evidence.pack.stamps import token_from
    from dispatch_api.store import open_store

    if lang not in ("zh", "en"):
        fail(f"--lang {lang}: write zh or en")
    if originals and not reason.strip():
        fail("--originals needs --reason: whoever opens an original says why, and it is kept.")
    networks = networks_of(tsa_network or ())
    with open_store(store or Settings().store) as opened, _bytes("Writing the pack") as tick:
        made = build_pack(
            opened,
            case,
            out,
            matters=load_matters(matters),
            by=acting(opened, account, from_stdin=password_stdin),
            why=reason,
            originals=originals,
            cards=_cards(),
            lang="en" if lang == "en" else "zh",
            stamp=None if tsa is None else lambda manifest: token_from(tsa, manifest, allowed=networks),
            tick=tick,
        )
    if as_json:
        emit_json({**_told(made), "path": str(made.path)})
        return
    say(f"{made.path}: case {made.number}, {made.files} files, {made.bytes:,} bytes.")
    say(f"SHA-256 of its manifest, for a notary: {made.manifest_sha256}")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="What `flyonce evidence pack` wrote, zipped or unpacked.")],
    tsa_cert: Annotated[
        Path | None, typer.Option("--tsa-cert", help="PEM with the authority's root, for the time stamp.")
    ] = None,
    store: Annotated[
        str | None, typer.Option("--store", help="Ask this store as well whether its history names the pack.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a pack, offline, with nothing but the pack; exit 1 names the first file or entry that is not as it was."""
    from dispatch_api.errors import StampError
    from dispatch_api.evidence.pack.stamps import check_signature, token_of
    from dispatch_api.evidence.pack.standalone import TOKEN, Wrong
    from dispatch_api.evidence.pack.standalone import verify as verify_pack

    if not file.exists():
        fail(f"{file}: there is no such file. Name a pack.")
    stamped_at = None
    try:
        told = verify_pack(file)
        manifest, token = token_of(file)
        if tsa_cert is not None:
            if token is None:
                raise Wrong(TOKEN, "is missing: the pack has no time stamp")
            stamped_at = check_signature(token, manifest, _read(tsa_cert))
        if store is not None:
            _compare(store, told)
    except (Wrong, StampError) as error:
        where = error.where if isinstance(error, Wrong) else TOKEN
        if as_json:
            emit_json({"ok": False, "pack": str(file), "where": where, "problem": error.problem})
        fail(f"{file}: {where}: {error.problem}", code=EXIT_FAILURE)
    if as_json:
        shown = {"files": told.files, "events": told.events, "manifest_sha256": told.manifest_sha256}
        stamp = {"stamped": told.stamped, "stamped_at": None if stamped_at is None else stamped_at.isoformat()}
        emit_json({"ok": True, "pack": str(file), **shown, **stamp})
        return
    say(f"{file}: intact, {told.files} files, {told.events} events. SHA-256 of its manifest: {told.manifest_sha256}")
    if stamped_at is not None:
        say(f"Stamped at {stamped_at.isoformat()}, and the signature holds.")
    elif told.stamped:
        say("It has a time stamp over this manifest; give --tsa-cert to check who signed it.")


@app.command()
def stamp(
    file: Annotated[Path, typer.Argument(help="A pack.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="New file: the pack with the time stamp.")],
    tsa: TsaOption = None,
    tsa_token: Annotated[
        Path | None, typer.Option("--tsa-token", help="A time-stamp response over its manifest.json, had elsewhere.")
    ] = None,
    tsa_network: NetworkOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an RFC 3161 time stamp to a pack, from an authority or from a file."""
    from dispatch_api.deliveries.addresses import networks_of
    from dispatch_api.evidence.pack.stamps import stamp_pack, token_from, token_of
    from dispatch_api.evidence.pack.standalone import Wrong

    if (tsa is None) == (tsa_token is None):
        fail("give either --tsa URL or --tsa-token FILE")
    if not file.is_file():
        fail(f"{file}: there is no such file. Name a pack.")
    try:
        if tsa is not None:
            token = token_from(tsa, token_of(file)[0], allowed=networks_of(tsa_network or ()))
        else:
            assert tsa_token is not None
            token = _read(tsa_token)
        with _bytes("Writing the pack") as tick:
            told = stamp_pack(file, out, token, tick=tick)
    except Wrong as error:
        fail(f"{file}: {error}", code=EXIT_FAILURE)
    if as_json:
        emit_json({"path": str(out), "manifest_sha256": told.manifest_sha256, "stamped": told.stamped})
    else:
        say(f"{out}: stamped. Its manifest is the same, {told.manifest_sha256}.")


@app.command("open")
def open_(
    sha256: Annotated[str, typer.Argument(help="SHA-256 of the original, as cases and packs name it.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="New file: a copy of the original.")],
    reason: ReasonOption,
    account: Annotated[str, typer.Option("--as", help="Account (centre or auditor) that opens it.")],
    store: StoreOption = None,
    password_stdin: OwnStdinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Copy a sealed original out; who, when and why is in the history first."""
    from dispatch_api.evidence.originals import open_original
    from dispatch_api.store import open_store

    if out.exists():
        fail(f"{out} is there already. Name a new file.")
    with open_store(store or Settings().store) as opened:
        found = open_original(opened, sha256, by=acting(opened, account, from_stdin=password_stdin), why=reason)
    shutil.copyfile(found.path, out)
    if as_json:
        emit_json({"path": str(out), "sha256": found.sha256, "file_name": found.file_name, "case_id": found.case_id})
    else:
        say(f"{out}: the original {found.file_name}. The history of case {found.case_id} says who opened it and why.")


@app.command()
def hold(
    case: CaseArgument,
    reason: ReasonOption,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a case's evidence: nothing of it is deleted, however old it is."""
    _set_hold(case, reason, store, held=True, account=account, password_stdin=password_stdin, as_json=as_json)


@app.command()
def release(
    case: CaseArgument,
    reason: ReasonOption,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a case's evidence from its hold."""
    _set_hold(case, reason, store, held=False, account=account, password_stdin=password_stdin, as_json=as_json)


@app.command()
def quota(
    keep: Annotated[str, typer.Option(help="How much the evidence folder may take, like 500GB.")],
    store: StoreOption = None,
    after_days: Annotated[
        int, typer.Option(min=0, help="Keep a case's originals at least so many days after its end.")
    ] = 1095,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the evidence folder under a size; exit 1 when what must stay is larger."""
    from dispatch_api.accounts.model import Role
    from dispatch_api.evidence.quota import sweep
    from dispatch_api.store import open_store

    keep_bytes = _bytes_of(keep)
    retention = timedelta(days=after_days)
    with open_store(store or Settings().store) as opened:
        by = acting(opened, account, from_stdin=password_stdin, roles=(Role.ADMIN,))
        with progress("Looking at the evidence folder", total=None):
            swept = sweep(opened, keep_bytes=keep_bytes, by=by, retention=retention, dry_run=dry_run)
    if as_json:
        pieces = [{"kind": one.kind, "bytes": one.bytes, "path": str(one.path)} for one in swept.pieces]
        shown = {"before_bytes": swept.before_bytes, "after_bytes": swept.after_bytes, "keep_bytes": keep_bytes}
        emit_json({**shown, "fits": swept.fits, "dry_run": dry_run, "pieces": pieces})
    else:
        for one in swept.pieces:
            say(f"{'would remove' if dry_run else 'removed'} {one.kind} {one.path.name}, {one.bytes:,} bytes")
        say(f"{swept.before_bytes:,} bytes before, {swept.after_bytes:,} after, {keep_bytes:,} allowed.")
    if not swept.fits:
        fail("the evidence that must stay takes more than that. Make room, or allow more.", code=EXIT_FAILURE)


@app.command()
def flight(
    flight_id: Annotated[str, typer.Argument(help="The flight.")],
    aircraft: Annotated[str | None, typer.Option(help="Serial number of the aircraft.")] = None,
    payload: Annotated[str | None, typer.Option(help="Its camera.")] = None,
    approval: Annotated[str | None, typer.Option(help="Number of the flight's approval.")] = None,
    operator: Annotated[str | None, typer.Option(help="Who flew it.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What it was flown for.")] = None,
    account: AsOption = None,
    password_stdin: OwnStdinOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note what a pack says of a flight: aircraft, payload, approval, operator, purpose."""
    from dispatch_api.accounts.model import Role
    from dispatch_api.flights.facts import note_flight
    from dispatch_api.store import open_store

    given = {
        "aircraft": aircraft,
        "payload": payload,
        "approval_id": approval,
        "operator": operator,
        "purpose": purpose,
    }
    with open_store(store or Settings().store) as opened:
        by = acting(opened, account, from_stdin=password_stdin, roles=(Role.OPERATOR, Role.CENTRE))
        facts = note_flight(opened, flight_id, {k: v for k, v in given.items() if v is not None}, by=by)
    if as_json:
        emit_json({"flight_id": flight_id, **facts})
    else:
        say(f"{flight_id}: {', '.join(f'{name} {value}' for name, value in facts.items())}.")


def _set_hold(
    case: str,
    reason: str,
    store: str | None,
    *,
    held: bool,
    account: str | None,
    password_stdin: bool,
    as_json: bool,
) -> None:
    from dispatch_api.accounts.model import Role
    from dispatch_api.evidence.holds import set_hold
    from dispatch_api.store import open_store

    with open_store(store or Settings().store) as opened:
        by = acting(opened, account, from_stdin=password_stdin, roles=(Role.CENTRE, Role.AUDITOR))
        changed = set_hold(opened, case, held=held, by=by, why=reason)
    if as_json:
        emit_json({"case": case, "hold": held, "changed": changed})
    else:
        say(f"{case}: the evidence is {'held' if held else 'released'}{'' if changed else ' already'}.")


def _compare(url: str, told: Intact) -> None:
    """Ask a store whether the pack was made of it, and whether its history is still the one of the pack."""
    from dispatch_api.evidence.pack.building import has_same_history, is_known
    from dispatch_api.evidence.pack.standalone import EVENTS, MANIFEST, Wrong
    from dispatch_api.store import open_store

    with open_store(url) as opened:
        if not is_known(opened, told):
            raise Wrong(MANIFEST, "the store's history names no pack with this manifest: it was not made there")
        if not has_same_history(opened, told):
            raise Wrong(EVENTS, "the store's history up to then is not the one that the pack was made from")


def _cards() -> tuple[PackCard, ...]:
    from dispatch_api.evidence.pack.contents import PackCard
    from vision.errors import ModelError
    from vision.model_card import CARD_FILE, read_card

    cards = []
    for path in sorted(Settings().models_dir.glob(f"*/{CARD_FILE}")):
        try:
            card = read_card(path.parent)
        except ModelError:
            continue  # a pack says that a card is not at hand
        least = {label: card.threshold(label) for label in card.labels}
        cards.append(PackCard(name=card.name, sha256=card.sha256, thresholds=least, text=path.read_bytes()))
    return tuple(cards)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fail(f"{path}: cannot be read ({error.strerror})")


def _bytes_of(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        fail(f"--keep {text}: write a size like 500GB or 2TB")
    number, prefix, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[prefix])


def _told(made: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass of a module that is imported late
    from dataclasses import asdict

    return asdict(made)


@contextmanager
def _bytes(doing: str) -> Iterator[Callable[[int, int], None]]:
    with progress(doing) as ticker:
        yield ticker.reached
