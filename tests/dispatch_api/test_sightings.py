"""What pipelines hand in by `POST /sightings`: recorded once, whatever becomes of the answer."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from dispatch_builders import HOME_LONLAT, default_rules, north_of
from dispatch_client import Machine
from dispatch_people import QUICK
from sqlalchemy import delete, func, select

from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.accounts.model import system_actor
from dispatch_api.app import create_app
from dispatch_api.doors.sighting_desk import Asked, SightingDesk
from dispatch_api.flights import ZoneDesk
from dispatch_api.store import open_store
from dispatch_api.store.feed import append_feed
from dispatch_api.store.schema import case, observation, tally, zone
from dispatch_api.store.times import utc_now
from dispatch_api.zones_at import ZonesAt
from geo.position import Fix

PATH, BATCH = "/api/v1/sightings", "/api/v1/sightings:batch"
BY = system_actor("test")


def a_sighting(**changes):
    lon, lat = changes.pop("lonlat", HOME_LONLAT)
    plain = {
        "matter": "waterlogging.road",
        "confidence": 0.9,
        "lon": lon,
        "lat": lat,
        "covariance_m2": [[2.25, 0.0], [0.0, 2.25]],
        "seen_at": (utc_now() - timedelta(minutes=5)).replace(microsecond=0).isoformat(),
        "flight_id": "flight-1",
    }
    return plain | changes


def a_grid(code, name="grid"):
    (west, south), (east, north) = north_of(-50, east_m=-50), north_of(50, east_m=50)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"kind": "grid", "code": code, "name": name},
    }


def count(store, table) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.fixture
def machine(store):
    """A function that gives a machine with a new key of these scopes."""
    app, made = create_app(store, passwords=QUICK), []

    def with_scopes(*scopes: str, **changes) -> Machine:
        number = len(made) + 1
        scopes = scopes or ("sightings:write", "cases:read")
        secret, _ = KeyDesk(store).create(f"machine {number}", by=BY, scopes=scopes, **changes)
        made.append(Machine(app, secret))
        return made[-1]

    yield with_scopes
    for one in made:
        one.close()


@pytest.mark.both_stores
def test_a_sighting_becomes_a_case_and_the_next_of_the_same_thing_joins_it(machine, store):
    pipeline = machine()
    first = pipeline.send("POST", PATH, a_sighting(), Idempotency_Key="a")
    assert first.status_code == 201, first.text
    second = pipeline.send("POST", PATH, a_sighting(flight_id="flight-2"), Idempotency_Key="b").json()
    assert set(first.json()) == {"sighting_id", "case_id", "joined"}
    assert first.json()["joined"] is False
    assert (second["case_id"], second["joined"]) == (first.json()["case_id"], True)
    assert second["sighting_id"] != first.json()["sighting_id"]
    shown = pipeline.send("GET", f"/api/v1/cases/{second['case_id']}").json()
    assert {seen["key"] for seen in shown["observations"]} == {first.json()["sighting_id"], second["sighting_id"]}
    assert (count(store, case), count(store, observation)) == (1, 2)


@pytest.mark.both_stores
def test_the_same_key_again_gets_the_same_answer_also_after_a_restart_and_another_body_is_a_conflict(
    machine, store, store_kind
):
    pipeline, sent = machine(), a_sighting()
    first = pipeline.send("POST", PATH, sent, Idempotency_Key="once")
    again = pipeline.send("POST", PATH, dict(reversed(sent.items())), Idempotency_Key="once")
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, first.json(), "true")
    assert "idempotency-replayed" not in first.headers
    other = pipeline.send("POST", PATH, sent | {"confidence": 0.91}, Idempotency_Key="once")
    assert (other.status_code, other.json()["type"]) == (409, "urn:flyonce:problem:answered-before")

    key = pipeline._client.headers["Authorization"].removeprefix("Bearer ")
    with open_store(store.url) as reopened:
        later = Machine(create_app(reopened, passwords=QUICK), key)
        assert later.send("POST", PATH, sent, Idempotency_Key="once").json() == first.json()
        later.close()
    assert count(store, observation) == 1


@pytest.mark.both_stores
def test_two_requests_with_one_key_at_once_are_recorded_once_and_answered_alike(machine, store):
    pipeline, sent = machine(), a_sighting()
    key = pipeline._client.headers["Authorization"].removeprefix("Bearer ")
    apps = [create_app(store, passwords=QUICK) for _ in range(2)]
    machines = [Machine(apps[number % 2], key) for number in range(6)]
    for one in machines:
        # FastAPI puts its routes together at the first request, with warnings off: not for two threads at once.
        assert one.send("GET", "/healthz").status_code == 200
    answers, start = [], threading.Barrier(len(machines))

    def post(one):
        start.wait(timeout=60)
        answers.append(one.send("POST", PATH, sent, Idempotency_Key="raced"))
        one.close()

    threads = [threading.Thread(target=post, args=(one,)) for one in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 5
    assert count(store, observation) == 1


def test_a_key_belongs_to_its_sender(machine, store):
    mine = machine().send("POST", PATH, a_sighting(), Idempotency_Key="1").json()
    theirs = machine().send("POST", PATH, a_sighting(confidence=0.5), Idempotency_Key="1")
    assert theirs.status_code == 201
    assert theirs.json()["sighting_id"] != mine["sighting_id"]


@pytest.mark.both_stores
def test_a_refused_sighting_leaves_nothing_and_its_key_stays_free(machine, store):
    pipeline = machine()
    assert pipeline.send("POST", PATH, a_sighting(matter="ufo"), Idempotency_Key="k").status_code == 422
    assert pipeline.send("POST", PATH, a_sighting(), Idempotency_Key="k").status_code == 201
    assert count(store, observation) == 1


@pytest.mark.both_stores
def test_answers_are_kept_for_a_month_and_a_sighting_that_comes_later_still_makes_no_second_one(store, intake):
    now = [utc_now() - timedelta(days=31)]
    matters = default_rules()[0]
    desk = SightingDesk(store, matters, intake, ZonesAt(store), KeyDesk(store), now=lambda: now[0])
    asker = KeyDesk(store).account_of(KeyDesk(store).create("pipeline", by=BY)[0])
    asked = [Asked.of_json(a_sighting(seen_at=now[0].isoformat()) | {"key": "old"}, place="")]
    first = desk.record(asker, asked)[0]
    now[0] += timedelta(days=29)
    assert desk.record(asker, asked)[0].replayed is True
    now[0] += timedelta(days=2)
    desk.record(asker, [Asked.of_json(a_sighting(lonlat=north_of(900)) | {"key": "new"}, place="")])
    again = desk.record(asker, asked)[0]
    assert (again.replayed, again.told["sighting_id"]) == (False, first.told["sighting_id"])
    assert again.told["case_id"] == first.told["case_id"]
    assert count(store, observation) == 2


BAD = {
    "nan": ({"lon": float("nan")}, "lon"),
    "infinite": ({"extent_m2": float("inf")}, "extent_m2"),
    "nan in the error": ({"covariance_m2": [[float("nan"), 0], [0, 1]]}, "covariance_m2"),
    "far": ({"lat": 91}, "lat"),
    "sure": ({"confidence": 1.2}, "confidence"),
    "nul": ({"flight_id": "a\0b"}, "NUL"),
    "nul in the zone": ({"zone": {"kind": "grid", "code": "\0"}}, "NUL"),
    "surrogate": ({"flight_id": "\ud800"}, "flight_id"),
    "naive": ({"seen_at": "2026-11-22T10:00:00"}, "seen_at"),
    "future": ({"seen_at": "2226-11-22T10:00:00Z"}, "seen_at"),
    "at the edge of time": ({"seen_at": "0001-01-01T00:00:00+14:00"}, "seen_at"),
    "at the other edge": ({"seen_at": "9999-12-31T23:59:59-14:00"}, "seen_at"),
    "not symmetric": ({"covariance_m2": [[1, 0.5], [0.4, 1]]}, "covariance_m2"),
    "not positive": ({"covariance_m2": [[1, 2], [2, 1]]}, "covariance_m2"),
    "a line": ({"covariance_m2": [[1, 1], [1, 1]]}, "covariance_m2"),
    "no error": ({"covariance_m2": [[0, 0], [0, 0]]}, "covariance_m2"),
    "a continent": ({"covariance_m2": [[1e300, 0], [0, 1e300]]}, "covariance_m2"),
    "unknown matter": ({"matter": "ufo"}, "matter"),
    "unknown zone": ({"zone": {"kind": "moon", "code": "1"}}, "zone"),
    "more": ({"colour": "red"}, "colour"),
    "negative": ({"extent_m2": -1}, "extent_m2"),
}


@pytest.mark.both_stores
def test_what_makes_no_sense_is_told_by_its_field_and_never_recorded(machine, store):
    pipeline = machine()
    for name, (changes, field) in BAD.items():
        body = json.dumps(a_sighting(**changes)).encode()
        sent = {"Content-Type": "application/json", "Idempotency-Key": "k"}
        answer = pipeline._do(pipeline._client.post(PATH, content=body, headers=sent))
        assert answer.status_code == 422, (name, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.json()
        assert field in told.get("field", told["detail"]), name
    assert (count(store, observation), count(store, case)) == (0, 0)


@pytest.mark.parametrize("key", [None, "", " ", "a b", "k" * 201])
def test_without_a_usable_idempotency_key_nothing_is_recorded(machine, store, key):
    answer = machine().send("POST", PATH, a_sighting(), **({} if key is None else {"Idempotency_Key": key}))
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["field"]
    assert count(store, observation) == 0


@pytest.mark.parametrize(
    "spoilt",
    [
        {},
        {"lon": "118.5"},
        {"lon": 181},
        {"confidence": "much"},
        {"seen_at": "yesterday"},
        {"covariance_m2": [[1, 2], [2, 1]]},
        {"matter": "none.such"},
        {"zone": "road:S1"},
        {"zone": "nowhere"},
        {"more": 1},
    ],
    ids=str,
)
def test_the_short_way_and_the_ordinary_way_answer_alike(machine, spoilt):
    body = a_sighting() | spoilt

    def told_of(answer):
        # Each is of another sender: its sighting has another name, and the second one's joins the first one's case.
        return {name: value for name, value in answer.json().items() if name not in named} | {"of": set(answer.json())}

    def headers_of(answer):
        return {name: value for name, value in answer.headers.items() if name != "content-length"}

    named, answers = {"sighting_id", "case_id", "joined"}, []
    for kind in ("application/json", "application/json; charset=utf-8"):
        pipeline = machine()
        told = [
            pipeline.send("POST", PATH, body, Idempotency_Key="one", Content_Type=kind),
            pipeline.send("POST", PATH, body, Idempotency_Key="one", Content_Type=kind),
            pipeline.send("POST", PATH, a_sighting(flight_id="other"), Idempotency_Key="one", Content_Type=kind),
        ]
        answers.append([(one.status_code, told_of(one), headers_of(one)) for one in told])
    assert answers[0] == answers[1]


@pytest.mark.both_stores
def test_a_batch_is_recorded_in_one_commit_and_answered_item_by_item(machine, store):
    pipeline = machine()
    single = pipeline.send("POST", PATH, a_sighting(), Idempotency_Key="s0").json()
    known = a_sighting() | {"seen_at": None}
    sent = [
        a_sighting(lonlat=north_of(500)) | {"key": "b1"},
        a_sighting(lonlat=north_of(500), flight_id="flight-2") | {"key": "b2"},
        a_sighting(matter="ufo") | {"key": "b3"},
        a_sighting(lat="north") | {"key": "b4"},
        known | {"key": "s0"},
        a_sighting(lonlat=north_of(900)),
    ]
    sent.append(dict(sent[0]))
    sent.append(sent[0] | {"confidence": 0.1})
    answer = pipeline.send("POST", BATCH, {"sightings": sent})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    items = told["items"]
    assert [item["status"] for item in items] == [201, 201, 422, 422, 422, 422, 201, 409]
    assert (told["recorded"], told["refused"]) == (3, 5)
    assert items[1]["case_id"] == items[0]["case_id"] != single["case_id"]
    assert items[1]["joined"] is True
    assert items[6] == items[0]
    assert items[3]["problem"]["field"] == "sightings.3.lat"
    assert items[5]["problem"]["field"] == "sightings.5.key"
    again = pipeline.send("POST", BATCH, {"sightings": sent}).json()
    assert again["items"][:2] == items[:2]
    assert pipeline.send(
        "POST", PATH, {k: v for k, v in sent[0].items() if k != "key"}, Idempotency_Key="b1"
    ).json() == {name: items[0][name] for name in ("sighting_id", "case_id", "joined")}
    assert count(store, observation) == 3


def test_a_batch_has_one_to_a_thousand_sightings(machine):
    pipeline = machine()
    assert pipeline.send("POST", BATCH, {"sightings": []}).status_code == 422
    many = [{"key": str(number)} for number in range(1001)]
    assert pipeline.send("POST", BATCH, {"sightings": many}).status_code == 422


@pytest.mark.both_stores
def test_what_is_no_offence_is_only_counted(machine, store):
    pipeline, sent = machine(), a_sighting(matter="06024")
    answer = pipeline.send("POST", PATH, sent, Idempotency_Key="angler")
    assert answer.status_code == 201
    assert (answer.json()["case_id"], answer.json()["joined"]) == (None, False)
    assert pipeline.send("POST", PATH, sent, Idempotency_Key="angler").json() == answer.json()
    assert (count(store, case), count(store, tally)) == (0, 1)


@pytest.mark.both_stores
@pytest.mark.parametrize("zone", ["reservoir_protection_1", {"kind": "reservoir_protection_1", "code": "HS"}])
def test_a_zone_that_the_pipeline_names_decides_who_leads(machine, zone):
    pipeline = machine()
    sent = a_sighting(matter="fishing.reservoir", zone=zone)
    case_id = pipeline.send("POST", PATH, sent, Idempotency_Key="angler").json()["case_id"]
    shown = pipeline.send("GET", f"/api/v1/cases/{case_id}").json()
    assert shown["rule"]["id"] == "fishing.first_class_source"
    assert (shown["state"], shown["colour"]) == ("pending_review", "red")


@pytest.mark.both_stores
def test_the_citys_own_zones_are_looked_up_and_count_before_the_senders_word(machine, store):
    pipeline = machine()
    ZoneDesk(store).replace([a_grid("G7", "七号网格")])
    sent = a_sighting(zone={"kind": "grid", "code": "G7", "probability": 0.3})
    case_id = pipeline.send("POST", PATH, sent, Idempotency_Key="1").json()["case_id"]
    shown = pipeline.send("GET", f"/api/v1/cases/{case_id}").json()
    assert [(zone["code"], zone["probability"]) for zone in shown["zones"]] == [("G7", 1.0)]
    assert (shown["grid_code"], shown["address"]) == ("G7", "七号网格")


@pytest.mark.both_stores
def test_zones_that_were_taken_back_with_their_transaction_are_never_looked_up(store):
    desk, zones_at, day = ZoneDesk(store), ZonesAt(store), utc_now().date()
    lon, lat = HOME_LONLAT
    fix = Fix(lon=lon, lat=lat, alt_m=0.0, covariance_m2=((1, 0), (0, 1)), height_source="sender", yaw_source="sender")

    def codes(connection=None):
        return {under.code for under in zones_at.many([(fix, day)], connection=connection)[0]}

    def spoil(connection):
        assert codes(connection) == {"G1"}
        connection.execute(delete(zone))
        append_feed(connection, kind="zones.changed", at=utc_now(), departments=None, data={})
        assert codes(connection) == {"G1"}
        raise LookupError

    desk.replace([a_grid("G1")])
    for _ in range(2):
        with pytest.raises(LookupError):
            store.write(spoil)
    assert codes() == {"G1"}
    desk.replace([a_grid("G2")])
    assert store.write(codes) == {"G2"}


def test_only_a_key_with_the_scope_may_hand_in(machine, store, people, browser):
    assert machine("cases:read").send("POST", PATH, a_sighting(), Idempotency_Key="1").status_code == 403
    assert browser("chief").post(PATH, a_sighting()).status_code == 401
    assert browser(None).post(PATH, a_sighting(), headers={}).status_code == 401
    assert count(store, observation) == 0
