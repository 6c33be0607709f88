"""The console's pages, or a plain word that they are not built."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from dispatch_api.accounts.access import open_to_anybody
from dispatch_api.errors import NotFound
from dispatch_api.parts import PartsOf

router = APIRouter(include_in_schema=False)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")

_NOT_BUILT = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>综合飞一次 flyonce</title>
<h1>综合飞一次 flyonce</h1><p>控制台页面尚未构建。API 已在 <code>/api/v1</code> 运行。</p>
<p>The console is not built. Run <code>pip install -e .</code> in the source folder, then load this page again.
The API is running under <code>/api/v1</code>.</p></html>"""


@router.api_route("/api/{rest:path}", methods=list(METHODS))
@router.api_route("/open311/{rest:path}", methods=list(METHODS))
@router.api_route("/ogc/{rest:path}", methods=list(METHODS))
@open_to_anybody
def no_such_route(request: Request, rest: str) -> Response:
    """An unknown address of the API is no page; a known one does not take every method."""
    allowed = [method for method in METHODS if _takes(request, method)]
    if allowed:
        detail = f"this address takes {', '.join(allowed)}, not {request.method}."
        raise HTTPException(405, detail, headers={"Allow": ", ".join(allowed)})
    raise NotFound(kind="route", key=request.url.path)


def _takes(request: Request, method: str) -> bool:
    asked = {**request.scope, "method": method, "path_params": {}}
    routes = request.app.router.routes
    # The last one is this router, which takes everything.
    return any(route.matches(asked)[0] is Match.FULL for route in routes[:-1])


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
