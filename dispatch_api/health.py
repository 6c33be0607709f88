"""Whether the service lives, and whether it can work: for whoever watches machines. Tells nothing of what it holds."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from dispatch_api.accounts.access import open_to_anybody
from dispatch_api.errors import StoreError
from dispatch_api.parts import PartsOf
from dispatch_api.store import Store
from dispatch_api.store.migrate import check_schema
from dispatch_api.store.url import store_place

router = APIRouter(include_in_schema=False)
_log = logging.getLogger(__name__)


@router.get("/healthz")
@open_to_anybody
def healthz() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@router.get("/readyz")
@open_to_anybody
def readyz(parts: PartsOf) -> JSONResponse:
    """Whether the store answers, has this version's schema, and the disk can be written to; 503 names what fails."""
    checks: dict[str, Callable[[Store], None]] = {"store": _answers, "schema": _fits, "disk": _writes}
    failing = [name for name, check in checks.items() if not _holds(name, check, parts.store)]
    content = {"status": "not ready", "failing": failing} if failing else {"status": "ready"}
    return JSONResponse(content, 503 if failing else 200, headers={"Cache-Control": "no-store"})


def _holds(name: str, check: Callable[[Store], None], store: Store) -> bool:
    try:
        check(store)
    except (StoreError, SQLAlchemyError, OSError) as error:
        # Which server or file it is stays in the log.
        _log.error("not ready: %s: %s", name, error)
        return False
    return True


def _answers(store: Store) -> None:
    with store.read() as connection:
        connection.execute(text("SELECT 1")).one()


def _fits(store: Store) -> None:
    with store.read() as connection:
        check_schema(connection, store_place(store.url))


def _writes(store: Store) -> None:
    folder = next((one for one in (store.evidence_dir, *store.evidence_dir.parents) if one.is_dir()), Path("/"))
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"ready")
        file.flush()
