"""Reads the demo's outcome as the operations centre sees it: through the HTTP API, logged in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, Request, build_opener

from dispatch_api.app import API_PREFIX
from flyonce.demo.accounts import DEMO_PASSWORD
from flyonce.demo.measure import FoundCase

_TIMEOUT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the centre sees.

    Attributes:
        cases: Every case that is neither merged nor rejected.
        cases_by_state: Their number by state.
        tasks_by_department: Tasks by the department's key.
    """

    cases: tuple[FoundCase, ...]
    cases_by_state: dict[str, int]
    tasks_by_department: dict[str, int]


def read_outcome(address: str) -> Outcome:
    """Logs in as the centre at `address` (with a slash at its end) and reads cases and tasks."""
    # No proxy: the server is on loopback.
    opener = build_opener(HTTPCookieProcessor(CookieJar()), ProxyHandler({}))
    base = address.rstrip("/") + API_PREFIX
    _ask(opener, f"{base}/session", {"name": "centre", "password": DEMO_PASSWORD})
    features = _ask(opener, f"{base}/cases.geojson")["features"]
    summary = _ask(opener, f"{base}/summary")
    shown = [feature for feature in features if feature["properties"]["state"] not in ("merged", "rejected")]
    return Outcome(
        cases=tuple(_case(feature) for feature in shown),
        cases_by_state=dict(summary["cases_by_state"]),
        tasks_by_department=dict(sorted(summary["tasks_by_department"].items())),
    )


def _ask(opener: OpenerDirector, url: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, headers={"Content-Type": "application/json"})
    with opener.open(request, timeout=_TIMEOUT_S) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def _case(feature: dict[str, Any]) -> FoundCase:
    lon, lat = feature["geometry"]["coordinates"]
    properties = feature["properties"]
    return FoundCase(case_id=properties["case_id"], matter=properties["matter"], lon=lon, lat=lat)
