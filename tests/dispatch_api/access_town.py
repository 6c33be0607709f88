"""A town in which every route can be tried: real objects of one department, and everybody who could ask."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from dispatch_builders import NOON, an_observation, north_of, some_evidence
from dispatch_client import Browser, Machine
from dispatch_people import PASSWORD, QUICK
from pack_builders import a_clip

from dispatch_api.accounts.access import DeclaredRoute, Subject
from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.accounts.model import Account, Role, Scope, system_actor
from dispatch_api.accounts.service import create_account
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.looked_again import LookedAgain, NothingFound
from dispatch_api.flights import FlightDesk

BY = system_actor("test")
NOT_ADMITTED = "urn:flyonce:problem:not-admitted"
TREE = """
  - {key: east_county, level: county, name: {zh: 东县, en: East county}}
  - {key: drainage, level: town, parent: east_county, name: {zh: 市政排水, en: Municipal drainage}}
"""
# What the path or body of a route needs beyond what its description tells.
WORDS: dict[str, Any] = {"to": "signed", "old": PASSWORD, "new": PASSWORD, "code": "330100-2026-1"}
HEADERS = {"/api/v1/stream": {"Last-Event-ID": "not a number, so that the stream does not begin"}}


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Somebody who asks: a person by name, a key, or nobody."""

    label: str
    name: str | None = None
    account: Account | None = None
    key: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the service knows them at all."""
        return self.account is not None


@dataclass
class AccessTown:
    """The app with its objects; all of them are the drainage department's."""

    app: Any
    objects: dict[str, str]
    askers: list[Asker]
    _browsers: dict[str, Browser] = field(default_factory=dict)

    def ask(self, asker: Asker, route: DeclaredRoute, *, csrf: bool = True):
        """Call a route with ids of real objects and a body that its description allows."""
        path, headers = self.path_of(route), dict(HEADERS.get(route.path, {}))
        body = None if route.method in {"GET", "DELETE"} else self.body_of(route)
        browser = self._browser(asker)
        if csrf and asker.name is not None:
            headers["X-CSRF-Token"] = browser.csrf
        answer = browser._do(browser._client.request(route.method, path, json=body, headers=headers))
        if route.path.startswith("/api/v1/session") and route.method != "GET":
            self._browsers.pop(asker.label).close()
        return answer

    def path_of(self, route: DeclaredRoute) -> str:
        """The path with real ids; where the right to an object counts, `objects` must know a real one."""
        names = re.findall(r"{(\w+)(?::\w+)?}", route.path)
        unknown = [name for name in names if name not in self.objects]
        assert not (route.access.of and unknown), f"say in access_town.py what a real {unknown[0]} is"
        path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path)
        return path.format(**(dict.fromkeys(names, "1") | self.objects))

    def body_of(self, route: DeclaredRoute) -> Any:
        """A body with what the description requires and nothing else."""
        described = self.app.openapi()
        operation = described["paths"].get(route.path, {}).get(route.method.lower(), {})
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        return None if schema is None else _example(schema, described["components"]["schemas"])

    def close(self) -> None:
        for browser in self._browsers.values():
            browser.close()

    def _browser(self, asker: Asker) -> Browser:
        if asker.label not in self._browsers:
            self._browsers[asker.label] = browser = Machine(self.app, asker.key)
            if asker.name is not None:
                assert browser.log_in(asker.name, PASSWORD).status_code == 200
        return self._browsers[asker.label]


def sees(account: Account, subject: Subject) -> bool:
    """Whether an account has the right to the town's objects, told here anew and not asked of the service."""
    everything = account.role in {Role.OPERATOR, Role.CENTRE, Role.AUDITOR}
    everything = everything or (account.role is Role.PIPELINE and account.department is None)
    return everything or (subject is not Subject.FLIGHT and account.department in {"drainage", "east_county"})


def settle_askers(store) -> list[Asker]:
    """Everybody who could ask: each role, another department, the one above, a key of each scope, and nobody."""
    create_account(store, "east_chief", PASSWORD, Role.LEADER, "east_county", passwords=QUICK)
    people = {
        "pilot": (Role.OPERATOR, None),
        "chief": (Role.CENTRE, None),
        "drain_hand": (Role.HANDLER, "drainage"),
        "drainer": (Role.LEADER, "drainage"),
        "east_chief": (Role.LEADER, "east_county"),
        "ecologist": (Role.LEADER, "ecology"),
        "checker": (Role.AUDITOR, None),
        "keeper": (Role.ADMIN, None),
    }
    askers = [
        Asker(label=f"{role} {department or ''}".strip(), name=name, account=_account(name, role, department))
        for name, (role, department) in people.items()
    ]
    desk = KeyDesk(store)
    for scope in Scope:
        secret, _ = desk.create(f"only {scope}", by=BY, scopes=[scope])
        askers.append(Asker(label=f"key {scope}", key=secret, account=_account("key", Role.PIPELINE, None, scope)))
    for department in ("drainage", "ecology"):
        secret, _ = desk.create(f"of {department}", by=BY, scopes=tuple(Scope), department=department)
        account = _account("key", Role.PIPELINE, department, *Scope)
        askers.append(Asker(label=f"key of {department}", key=secret, account=account))
    secret, _ = desk.create("revoked", by=BY)
    desk.revoke("revoked", by=BY)
    return [*askers, Asker(label="revoked key", key=secret), Asker(label="made-up key", key="x"), Asker(label="nobody")]


def settle_objects(store, matters, routing, folder) -> dict[str, str]:
    """Real objects of the drainage department, by the names that routes give their ids."""
    flights, intake = FlightDesk(store), Intake(store, matters, routing)
    flights.start("flight-1", "晨巡", [north_of(0), north_of(100)])
    flights.photo("flight-1", "p.jpg", NOON, *north_of(0), None, looked=True)
    pictures = (some_evidence(folder, name="p.jpg"),)
    clip = a_clip(folder, pictures[0])
    puddle = intake.record(an_observation(evidence=(*pictures, clip), last_seen_at=NOON + timedelta(minutes=1)))
    second = intake.record(an_observation(lonlat=north_of(40), matter="waterlogging.road"))
    task = next(task for task in puddle.tasks if task.department == "drainage")
    look = {"looks": 5, "resolution_m": 0.02, "first_at": NOON, "last_at": NOON, "picture": pictures[0]}
    LookedAgain(store, matters).note(NothingFound(case_id=puddle.case_id, flight_id="flight-2", **look))
    return {
        "case_id": str(puddle.case_id),
        "second_case_id": str(second.case_id),
        "task_id": str(task.task_id),
        "flight_id": "flight-1",
        "original_sha256": pictures[0].original_sha256,
        "clip_sha256": clip.original_sha256,
        "which": "full",
        "form": "json",
    }


def _account(name: str, role: Role, department: str | None, *scopes: Scope) -> Account:
    return Account(
        account_id=1,
        name=name,
        display_name_zh=name,
        display_name_en=name,
        role=role,
        department=department,
        scopes=frozenset(scopes),
    )


def _example(schema: dict[str, Any], known: dict[str, Any], name: str = "") -> Any:
    if "$ref" in schema:
        return _example(known[schema["$ref"].rsplit("/", 1)[1]], known, name)
    if name in WORDS:
        return WORDS[name]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _example(schema[choice][0], known, name)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", [])
            return {one: _example(schema["properties"][one], known, one) for one in wanted}
        case "array":
            items = schema.get("prefixItems") or [schema.get("items", {})] * max(1, schema.get("minItems", 1))
            return [_example(one, known, name) for one in items]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            formats = {"date": "2026-11-23", "date-time": "2026-11-23T04:00:00Z"}
            return formats.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))
