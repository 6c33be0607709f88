"""The service as it runs: a real server on the loopback, its live stream, its pages."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import uvicorn
from dispatch_builders import NOON, an_observation, north_of
from dispatch_people import PASSWORD, QUICK

from dispatch_api.app import create_app
from dispatch_api.flights import FlightDesk, ZoneDesk
from dispatch_api.store.times import iso


class Watcher:
    """Reads a stream line by line until it has what it waits for."""

    def __init__(self, client: httpx.Client, **request) -> None:
        self._context = client.stream("GET", "/api/v1/stream", **request)
        self._lines = self._context.__enter__().iter_lines()

    def next(self) -> tuple[int, str, dict]:
        fields: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name in {"id", "event", "data"}:
                fields[name] = value
            elif not line and fields:
                return int(fields["id"]), fields["event"], json.loads(fields["data"])
        raise AssertionError("the stream ended")

    def until(self, kind: str) -> list[tuple[int, str, dict]]:
        seen = [self.next()]
        while seen[-1][1] != kind:
            seen.append(self.next())
        return seen

    def close(self) -> None:
        self._context.__exit__(None, None, None)


@pytest.fixture
def served(store, people, tmp_path) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<title>console</title>")
    (static / "assets" / "a-1f.js").write_text("1")
    app = create_app(store, passwords=QUICK, static_dir=static)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
    listening.close()
    assert not thread.is_alive()


@pytest.fixture
def logged_in(served):
    clients: list[httpx.Client] = []

    def log_in(name: str) -> httpx.Client:
        client = httpx.Client(base_url=served, timeout=20)
        clients.append(client)
        answer = client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client

    yield log_in
    for client in clients:
        client.close()


@pytest.fixture
def watch(logged_in):
    watchers: list[Watcher] = []

    def open_stream(client: httpx.Client, **request) -> Watcher:
        watchers.append(Watcher(client, **request))
        return watchers[-1]

    yield open_stream
    for watcher in watchers:
        watcher.close()


def test_the_stream_tells_what_happens_and_enough_to_draw_it(intake, logged_in, watch):
    chief = logged_in("chief")
    watcher = watch(chief)
    recorded = intake.record(an_observation())
    seen = watcher.until("case.opened")
    feature = seen[-1][2]
    assert feature["properties"]["case_id"] == recorded.case_id
    assert feature["properties"]["ellipse95"]["type"] == "Polygon"
    assert feature["geometry"]["type"] == "Point"
    assert [kind for _, kind, _ in seen] == ["task.changed"] * 4 + ["case.opened"]


def test_a_stream_that_broke_goes_on_where_it_was_and_misses_nothing(store, intake, logged_in, watch):
    chief = logged_in("chief")
    for n in range(3):
        intake.record(an_observation(lonlat=north_of(60.0 * n), confidence=0.3))
    first = watch(chief, params={"after": 0})
    seen = [first.next(), first.next()]
    first.close()
    intake.record(an_observation(lonlat=north_of(600), confidence=0.3))
    again = watch(chief, headers={"Last-Event-ID": str(seen[-1][0])})
    seen += [again.next(), again.next()]
    ids = [number for number, _, _ in seen]
    assert ids == sorted(set(ids)) == list(range(ids[0], ids[0] + 4))
    assert len({data["id"] for _, _, data in seen}) == 4


def test_the_map_and_the_stream_join_without_a_gap(intake, logged_in, watch):
    chief = logged_in("chief")
    intake.record(an_observation(confidence=0.3))
    collection = chief.get("/api/v1/cases.geojson").json()
    later = intake.record(an_observation(lonlat=north_of(60), confidence=0.3))
    watcher = watch(chief, params={"after": collection["feed_id"]})
    assert watcher.next()[2]["id"] == later.case_id


def test_the_stream_of_a_department_holds_nothing_that_is_not_its_own(store, intake, logged_in, watch):
    desk = FlightDesk(store)
    desk.start("f", "晨巡", [north_of(0), north_of(50)])
    desk.position("f", NOON, *north_of(1), 100.0, 90.0)
    heap = intake.record(an_observation(matter="dumping.construction", lonlat=north_of(200)))
    intake.record(an_observation(lonlat=north_of(300), confidence=0.2))
    puddle = intake.record(an_observation())
    desk.photo("f", "a.jpg", NOON, *north_of(1), [north_of(0), north_of(9), north_of(9, east_m=9)], True)
    ZoneDesk(store).replace([])

    drainer = watch(logged_in("drainer"), params={"after": 0})
    seen = drainer.until("zones.changed")
    assert [kind for _, kind, _ in seen] == ["task.changed", "case.opened", "zones.changed"]
    assert seen[0][2]["department"] == "drainage"
    assert seen[1][2]["id"] == puddle.case_id
    assert heap.case_id not in json.dumps(seen)

    everything = watch(logged_in("chief"), params={"after": 0}).until("zones.changed")
    kinds = [kind for _, kind, _ in everything]
    assert {"flight.started", "flight.position", "flight.photo"} <= set(kinds)
    assert kinds.count("case.opened") == 3


def test_a_strangers_stream_is_refused_and_a_wrong_id_is_named(served, logged_in):
    assert httpx.get(f"{served}/api/v1/stream").status_code == 401
    answer = logged_in("chief").get("/api/v1/stream", headers={"Last-Event-ID": "abc"})
    assert answer.status_code == 422
    assert answer.json()["field"] == "Last-Event-ID"


def test_the_console_is_served_with_its_assets_and_nothing_beside_them(served):
    page = httpx.get(f"{served}/cases/42")
    assert page.text == "<title>console</title>"
    assert page.headers["cache-control"] == "no-cache"
    asset = httpx.get(f"{served}/assets/a-1f.js")
    assert asset.text == "1"
    assert "immutable" in asset.headers["cache-control"]
    assert httpx.get(f"{served}/assets/none.js").status_code == 404
    for escape in ("/..%2f..%2fcity.db", "/%2e%2e/%2e%2e/etc/passwd", "/assets/..%2f..%2fcity.db"):
        answer = httpx.get(f"{served}{escape}")
        assert "SQLite" not in answer.text
        assert "root:" not in answer.text
    assert httpx.get(f"{served}/api/v2/anything").headers["content-type"] == "application/problem+json"


def test_a_flight_known_by_its_pictures_alone_has_their_way_and_their_time(store, logged_in):
    desk = FlightDesk(store)
    desk.start("film", "film", started_at=NOON)
    filmed_at = NOON - timedelta(days=9)
    for minute, lon in ((3, 118.3), (1, 118.1), (2, 118.2)):
        at = filmed_at + timedelta(minutes=minute)
        desk.photo("film", f"film.mp4 00:0{minute}", at, lon, 28.9, None, True)
    desk.photo("film", "film.mp4 00:09", None, None, None, None, False, "no pose")
    flight = logged_in("chief").get("/api/v1/flights/film").json()
    assert flight["track"]["coordinates"] == [[118.1, 28.9], [118.2, 28.9], [118.3, 28.9]]
    assert (flight["photos"], flight["started_at"]) == (4, iso(NOON))
    assert flight["seen_from"] == iso(filmed_at + timedelta(minutes=1))
    assert flight["seen_until"] == iso(filmed_at + timedelta(minutes=3))


def test_a_flight_is_shown_with_its_plan_its_track_and_the_ground_it_saw(store, logged_in):
    desk = FlightDesk(store)
    plan = [north_of(0), north_of(100)]
    desk.start("f", "晨巡", plan, {"type": "Polygon", "coordinates": []}, started_at=NOON)
    for metres in (0, 10, 20):
        desk.position("f", NOON, *north_of(metres), 120.0, 0.0)
    corners = [north_of(0), north_of(9), north_of(9, east_m=9)]
    desk.photo("f", "a.jpg", NOON, *north_of(5), corners, True)
    desk.photo("f", "b.jpg", None, None, None, None, False, "no GPS")
    desk.photo("f", "a.jpg", NOON, *north_of(5), corners, False, "blurred")
    desk.end("f", ended_at=NOON, figures={"photos": 2})

    chief = logged_in("chief")
    flight = chief.get("/api/v1/flights/f").json()
    assert (flight["name"], flight["state"], flight["photos"]) == ("晨巡", "ended", 2)
    assert flight["planned_path"]["coordinates"] == [list(point) for point in plan]
    assert len(flight["track"]["coordinates"]) == 3
    assert flight["figures"] == {"photos": 2}
    photos = chief.get("/api/v1/flights/f/photos.geojson").json()["features"]
    assert [(p["properties"]["name"], p["properties"]["looked"], p["properties"]["reason"]) for p in photos] == [
        ("a.jpg", False, "blurred"),
        ("b.jpg", False, "no GPS"),
    ]
    ring = photos[0]["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    assert photos[1]["geometry"] is None
    assert chief.get("/api/v1/flights/none").status_code == 404


def test_a_flight_that_never_started_reports_nothing(store):
    from dispatch_api.errors import NotFound

    with pytest.raises(NotFound, match="flight 'none'"):
        FlightDesk(store).position("none", NOON, 1.0, 2.0, 3.0, None)


@pytest.mark.parametrize(
    "feature",
    [
        {"type": "Feature", "geometry": None, "properties": {"kind": "grid", "code": "1"}},
        {"type": "Feature", "geometry": {"type": "Point"}, "properties": {"kind": "grid"}},
        {"type": "Feature", "geometry": {"type": "Point"}, "properties": None},
    ],
)
def test_a_zone_that_makes_no_sense_leaves_the_zones_as_they_were(store, feature):
    from dispatch_api.errors import InvalidRequest
    from dispatch_api.flights.zones import zone_features

    good = {"type": "Feature", "geometry": {"type": "Point"}, "properties": {"kind": "grid", "code": "1"}}
    ZoneDesk(store).replace([good])
    with pytest.raises(InvalidRequest, match=r"zones\[1\]"):
        ZoneDesk(store).replace([good, feature])
    with store.read() as connection:
        assert zone_features(connection)["features"] == [good]
