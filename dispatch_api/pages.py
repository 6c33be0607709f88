"""The console's pages, or a plain word that they are not built; and the two addresses that watch the service."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response
from sqlalchemy import text

from dispatch_api.accounts.access import open_to_anybody
from dispatch_api.errors import NotFound
from dispatch_api.parts import PartsOf

router = APIRouter(include_in_schema=False)

_NOT_BUILT = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>综合飞一次 flyonce</title>
<h1>综合飞一次 flyonce</h1><p>控制台页面尚未构建。API 已在 <code>/api/v1</code> 运行。</p>
<p>The console is not built. Run <code>pip install -e .</code> in the source folder, then load this page again.
The API is running under <code>/api/v1</code>.</p></html>"""


@router.get("/healthz")
@open_to_anybody
def healthz() -> dict[str, str]:
    """The process runs."""
    return {"status": "ok"}


@router.get("/readyz")
@open_to_anybody
def readyz(parts: PartsOf) -> dict[str, str]:
    """The store answers."""
    with parts.store.read() as connection:
        connection.execute(text("SELECT 1")).one()
    return {"status": "ready"}


@router.get("/api/{rest:path}")
@open_to_anybody
def no_such_route(rest: str) -> Response:
    """An unknown address of the API is no page."""
    raise NotFound(kind="route", key=f"/api/{rest}")


@router.get("/{rest:path}")
@open_to_anybody
def page(parts: PartsOf, rest: str) -> Response:
    """A file of the console, or its first page, which finds the rest of the way itself."""
    static = parts.static_dir.resolve()
    wanted = (static / rest).resolve()
    if wanted.is_file() and wanted.is_relative_to(static):
        # Built assets carry a hash in their name and never change; the pages that name them do.
        forever = wanted.parent != static
        return FileResponse(
            wanted, headers={"Cache-Control": "public, max-age=31536000, immutable" if forever else "no-cache"}
        )
    if rest.startswith("assets/"):
        raise NotFound(kind="file", key=rest)
    index = static / "index.html"
    if index.is_file():
        return FileResponse(index, headers={"Cache-Control": "no-cache"})
    return HTMLResponse(_NOT_BUILT, status_code=503)
