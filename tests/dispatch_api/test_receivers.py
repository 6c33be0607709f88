"""Receivers and deliveries as people keep them: over REST by role, on the command line, with nothing secret shown."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from loopback_receivers import (
    START,
    Clock,
    LoopbackReceiver,
    Reply,
    a_desk,
    a_message,
    add_receiver,
    delivering,
    send_all,
)
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook
from typer.testing import CliRunner

from dispatch_api.deliveries.desk import DeliveryDesk
from dispatch_api.deliveries.envelope import Letterhead
from dispatch_api.deliveries.schedule import Schedule, asked_pause
from dispatch_api.deliveries.service import Sending
from dispatch_api.deliveries.signing import dingtalk_query, key_of, new_secret, webhook_headers
from dispatch_api.errors import InvalidRequest
from dispatch_api.store import open_store
from dispatch_api.store.backup import write_backup
from dispatch_api.store.schema import delivery, event
from flyonce.cli import deliveries as delivery_commands
from flyonce.cli import receivers as receiver_commands

HOOK = {"name": "drainage", "url": "https://drainage.example/in?token=geheim", "departments": ["drainage"]}


@pytest.fixture
def hook():
    receiver = LoopbackReceiver()
    yield receiver
    receiver.stop()


@pytest.mark.both_stores
def test_an_administrator_adds_lists_disables_and_enables(browser, store):
    keeper = browser("keeper")
    added = keeper.post("/api/v1/receivers", HOOK)
    assert added.status_code == 201
    told = added.json()
    assert told["secret"].startswith("whsec_")
    assert told["url"] == "https://drainage.example/in?token=***"
    [listed] = keeper.json("/api/v1/receivers")["items"]
    assert "secret" not in listed
    assert (listed["secrets"], listed["enabled"], listed["departments"]) == (1, True, ["drainage"])
    a_message(store, datetime.now(UTC))
    disabled = keeper.post("/api/v1/receivers/drainage/disable", {"reason": "Umzug"}).json()
    assert (disabled["enabled"], disabled["disabled_why"]) == (False, "Umzug")
    a_message(store, datetime.now(UTC))
    assert keeper.json("/api/v1/receivers")["items"][0]["waiting"] == 1, "nothing new is addressed to it"
    assert keeper.post("/api/v1/receivers/drainage/enable", {}).json()["enabled"] is True
    with store.read() as connection:
        kinds = connection.execute(select(event.c.kind, event.c.who, event.c.data)).all()
    noted = [row for row in kinds if row.kind.startswith("receiver.")]
    assert [row.kind for row in noted] == ["receiver.added", "receiver.disabled", "receiver.enabled"]
    assert {row.who for row in noted} == {"keeper"}
    assert "geheim" not in str(noted)


@pytest.mark.both_stores
def test_what_the_people_of_a_receiver_read_is_chosen_and_noted(browser, store):
    keeper = browser("keeper")
    group = {"name": "group", "kind": "wecom", "url": "https://wecom.example/send?key=geheim"}
    assert keeper.post("/api/v1/receivers", {**HOOK, "language": "en"}).json()["language"] == "en"
    assert keeper.post("/api/v1/receivers", group).json()["language"] == "zh"
    changed = keeper.post("/api/v1/receivers/group/language", {"language": "en"})
    assert (changed.status_code, changed.json()["language"]) == (200, "en")
    assert keeper.post("/api/v1/receivers/group/language", {"language": "de"}).status_code == 422
    assert keeper.post("/api/v1/receivers/none/language", {"language": "en"}).status_code == 404
    assert browser("chief").post("/api/v1/receivers/group/language", {"language": "zh"}).status_code == 403
    with store.read() as connection:
        noted = connection.execute(select(event.c.data).where(event.c.kind == "receiver.language_changed")).scalars()
        assert [json.loads(one) for one in noted] == [{"receiver": "group", "language": "en"}]


def test_only_an_administrator_keeps_receivers_and_departments_see_no_deliveries(browser):
    assert browser("chief").post("/api/v1/receivers", HOOK).status_code == 403
    assert browser("keeper").post("/api/v1/receivers", HOOK).status_code == 201
    for name, status in (("chief", 200), ("checker", 200), ("drainer", 403), ("pilot", 403), (None, 401)):
        assert browser(name).get("/api/v1/deliveries").status_code == status
    assert browser("checker").post("/api/v1/deliveries/1/replay", {}).status_code == 403


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "ftp://x.example/"}, "url"),
        ({"url": "https://user:word@x.example/"}, "url"),
        ({"url": "https://x.example:22/"}, "url"),
        ({"departments": ["nobody"]}, "departments"),
        ({"departments": []}, "departments"),
        ({"types": ["Task"]}, "types"),
        ({"types": ["task"]}, "types"),
        ({"secret": "whsec_abc"}, "secret"),
        ({"secret": "geheim"}, "secret"),
        ({"kind": "wecom", "secret": "SEC"}, "secret"),
        ({"kind": "mail"}, "url"),
        ({"name": " "}, "name"),
    ],
)
def test_a_receiver_that_makes_no_sense_is_refused_and_named(browser, changes, field):
    answer = browser("keeper").post("/api/v1/receivers", HOOK | changes)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert "geheim" not in answer.text
    assert browser("keeper").json("/api/v1/receivers")["items"] == []


def test_a_name_is_given_once(browser):
    keeper = browser("keeper")
    assert keeper.post("/api/v1/receivers", HOOK).status_code == 201
    again = keeper.post("/api/v1/receivers", HOOK)
    assert (again.status_code, again.json()["type"]) == (409, "urn:flyonce:problem:receiver-exists")
    assert keeper.post("/api/v1/receivers/none/rotate", {}).status_code == 404


def test_a_new_secret_is_shown_once_and_the_old_one_signs_along(browser):
    keeper = browser("keeper")
    first = keeper.post("/api/v1/receivers", HOOK).json()["secret"]
    second = keeper.post("/api/v1/receivers/drainage/rotate", {"overlap_hours": 2}).json()
    assert second["secret"] not in {first, None}
    assert second["secrets"] == 2
    keeper.post("/api/v1/receivers", HOOK | {"name": "group", "kind": "wecom"})
    assert keeper.post("/api/v1/receivers/group/rotate", {}).status_code == 422


@pytest.mark.both_stores
def test_the_centre_lists_what_is_dead_and_sends_it_again(browser, store, hook):
    clock = Clock()
    hook.answer = lambda n, got: Reply(status=500)
    browser("keeper").post("/api/v1/receivers", HOOK | {"url": hook.url, "departments": None})
    ids = [a_message(store, clock(), number=str(n)) for n in range(5)]
    service = delivering(store, clock, schedule=Schedule(jitter=0.0, waits_s=(0,)))
    send_all(service)
    for _ in range(10):
        clock.forward(minutes=20)
        send_all(service)
    chief = browser("chief")
    first = chief.json("/api/v1/deliveries", state="dead", limit=3)
    second = chief.json("/api/v1/deliveries", state="dead", limit=3, cursor=first["next"])
    listed = [item["message_id"] for item in first["items"] + second["items"]]
    assert listed == ids[::-1]
    assert second["next"] is None
    one = chief.json(f"/api/v1/deliveries/{first['items'][0]['delivery_id']}")
    assert [made["status"] for made in one["made"]] == [500]
    hook.answer = lambda n, got: Reply()
    assert chief.post(f"/api/v1/deliveries/{one['delivery_id']}/replay", {}).json()["state"] == "pending"
    assert chief.post("/api/v1/deliveries/replay", {"receiver": "drainage"}).json() == {"replayed": 4}
    clock.at = datetime.now(UTC) + timedelta(days=1)
    send_all(service)
    assert chief.json("/api/v1/deliveries", state="dead")["items"] == []
    since = {"receiver": "drainage", "since": START.isoformat()}
    assert chief.post("/api/v1/deliveries/replay", since).json() == {"replayed": 5}
    assert chief.post("/api/v1/deliveries/replay", {"receiver": "none"}).status_code == 404
    assert chief.get("/api/v1/deliveries", state="lost").status_code == 422
    assert chief.get("/api/v1/deliveries/999").status_code == 404


@pytest.mark.both_stores
def test_deliveries_come_in_pages_that_go_on_whatever_comes_in_meanwhile(browser, store):
    clock = Clock()
    for name in ("drainage", "other"):
        add_receiver(store, name, f"https://{name}.example/in")
    sent = [a_message(store, clock(), number=str(n)) for n in range(7)]
    chief = browser("chief")
    wanted = {"receiver": "other", "state": "pending,dead", "limit": 3}
    first = chief.json("/api/v1/deliveries", **wanted)
    sent_later = a_message(store, clock(), number="later")
    listed, page = list(first["items"]), first
    while page["next"] is not None:
        assert not page["next"].isdecimal()
        page = chief.json("/api/v1/deliveries", **wanted, cursor=page["next"])
        listed += page["items"]
    assert [item["message_id"] for item in listed] == sent[::-1]
    assert {item["receiver"] for item in listed} == {"other"}
    assert chief.json("/api/v1/deliveries", limit=2)["items"][0]["message_id"] == sent_later
    assert chief.get("/api/v1/deliveries", cursor="4").status_code == 422


def test_the_description_says_of_the_list_of_deliveries_what_it_says_of_other_lists(browser):
    paths = browser(None).json("/api/v1/openapi.json")["paths"]
    cursor = {
        path: next(one for one in paths[f"/api/v1/{path}"]["get"]["parameters"] if one["name"] == "cursor")
        for path in ("tasks", "deliveries")
    }
    assert cursor["deliveries"] == cursor["tasks"]


def test_a_test_message_goes_to_one_receiver_alone_whatever_it_asked_for(browser, store, hook):
    keeper = browser("keeper")
    keeper.post("/api/v1/receivers", HOOK | {"url": hook.url, "types": ["case."]})
    keeper.post("/api/v1/receivers", HOOK | {"name": "other"})
    answer = keeper.post("/api/v1/receivers/drainage/test", {})
    assert answer.status_code == 202
    send_all(delivering(store, Clock(datetime.now(UTC) + timedelta(seconds=1))))
    assert keeper.json(f"/api/v1/deliveries/{answer.json()['delivery_id']}")["state"] == "delivered"
    assert hook.got[0].json["type"] == "cn.flyonce.receiver.test.v1"
    with store.read() as connection:
        assert len(connection.execute(select(delivery)).all()) == 1


def run(app, *words: str, stdin: str | None = None):
    return CliRunner().invoke(app, list(words), input=stdin)


def test_the_command_line_keeps_receivers_and_tries_them(tmp_path, hook, monkeypatch):
    url = f"sqlite:///{tmp_path}/city.db"
    monkeypatch.setenv("FLYONCE_STORE", url)
    monkeypatch.setenv("FLYONCE_DELIVERY_NETWORKS", "127.0.0.0/8")
    open_store(url, create=True).close()
    added = run(receiver_commands.app, "add", "drainage", "--url", hook.url, "--department", "drainage", "--json")
    assert added.exit_code == 0, added.stderr
    secret = json.loads(added.stdout)["secret"]
    robot = f"{hook.url}?key=geheim"
    group = run(receiver_commands.app, "add", "group", "--kind", "wecom", "--url", "-", stdin=f"{robot}\n")
    assert group.exit_code == 0, group.stderr
    assert "geheim" not in group.stderr
    tried = run(receiver_commands.app, "test", "drainage", "--json")
    assert (tried.exit_code, json.loads(tried.stdout)["state"]) == (0, "delivered")
    assert Webhook(secret).verify(hook.got[0].body, hook.got[0].headers)["subject"].startswith("receivers/")
    failed = run(receiver_commands.app, "test", "group")
    assert failed.exit_code == 1
    assert "no robot's answer" in failed.stderr
    rotated = run(receiver_commands.app, "rotate", "drainage", "--json")
    assert json.loads(rotated.stdout)["secrets"] == 2
    assert run(receiver_commands.app, "disable", "drainage", "--reason", "Umzug").exit_code == 0
    listed = run(receiver_commands.app, "list")
    assert "drainage: webhook" in listed.stderr
    assert "off (Umzug)" in listed.stderr
    assert "geheim" not in listed.stderr
    page = run(delivery_commands.app, "list", "--json")
    assert [item["receiver"] for item in json.loads(page.stdout)["items"]] == ["group", "drainage"]
    number = str(json.loads(page.stdout)["items"][0]["delivery_id"])
    halves = [json.loads(run(delivery_commands.app, "list", "--limit", "1", "--json").stdout)]
    halves.append(json.loads(run(delivery_commands.app, "list", "--cursor", halves[0]["next"], "--json").stdout))
    assert [half["items"][0]["receiver"] for half in halves] == ["group", "drainage"]
    assert f"--cursor {halves[0]['next']}" in run(delivery_commands.app, "list", "--limit", "1").stderr
    assert run(delivery_commands.app, "list", "--cursor", "7").exit_code == 2
    assert json.loads(run(delivery_commands.app, "replay", number, "--json").stdout) == {"replayed": 1}
    for words in (["replay"], ["replay", number, "--receiver", "group"], ["replay", "--receiver", "none"]):
        refused = run(delivery_commands.app, *words)
        assert refused.exit_code == 2
        assert len(refused.stderr.strip().splitlines()) == 1
    unlawful = run(receiver_commands.app, "add", "x", "--url", "https://u:geheim@x.example/")
    assert (unlawful.exit_code, "geheim" in unlawful.stderr) == (2, False)


def test_deliveries_run_alone_until_they_are_told_to_end(tmp_path, hook):
    url = f"sqlite:///{tmp_path}/city.db"
    with open_store(url, create=True) as opened:
        add_receiver(opened, "drainage", hook.url)
        sent = a_message(opened, datetime.now(UTC))
    environment = {**os.environ, "FLYONCE_DELIVERY_NETWORKS": "127.0.0.0/8"}
    command = [sys.executable, "-m", "flyonce", "deliveries", "run", "--store", url]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    give_up_at = time.monotonic() + 60
    with open_store(url) as opened:
        while time.monotonic() < give_up_at and process.poll() is None:
            if DeliveryDesk(opened).page(states=["delivered"])["items"]:
                break
            time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert (hook.ids(), process.returncode) == ([sent], 0), told
    with open_store(url) as opened, opened.read() as connection:
        [row] = connection.execute(select(delivery)).all()
    assert (row.state, row.leased_until) == ("delivered", None)


def test_a_backup_lists_no_secret_in_what_it_says_of_itself(store, tmp_path, hook):
    add_receiver(store, "drainage", f"{hook.url}?key=geheim")
    told = write_backup(store, tmp_path / "city.zip")
    assert "geheim" not in repr(told)
    with zipfile.ZipFile(tmp_path / "city.zip") as archive:
        assert b"geheim" not in archive.read("manifest.json")
    assert (tmp_path / "city.zip").stat().st_mode & 0o077 == 0
    assert "geheim" not in repr(a_desk(store).listed())


@pytest.mark.parametrize("size", [24, 32, 64])
def test_signatures_are_those_of_an_independent_library(size):
    secret = "whsec_" + base64.b64encode(bytes(range(size))).decode()
    at = datetime.now(UTC)
    body = '{"地点":"人民路"}'.encode()
    headers = webhook_headers("msg_1", body, at=at, keys=[secret, new_secret()])
    assert headers["webhook-signature"].split()[0] == Webhook(secret).sign("msg_1", at, body.decode())
    assert Webhook(secret).verify(body, headers) == {"地点": "人民路"}


def test_a_published_signature_is_met():
    # The example of the standard's own libraries.
    headers = webhook_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        at=datetime.fromtimestamp(1614265330, UTC),
        keys=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_dingtalks_signature_is_written_for_a_url():
    query = dingtalk_query("SECx", at=START)
    assert query.startswith(f"timestamp={int(START.timestamp() * 1000)}&sign=")
    assert "+" not in query
    assert "=" not in query.rpartition("sign=")[2]


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "whsec_!!!!"])
def test_a_secret_of_another_form_is_refused_without_being_repeated(secret):
    with pytest.raises(InvalidRequest, match="24 to 64 bytes"):
        key_of(secret)


def test_the_waits_are_those_of_the_contract_and_longer_by_chance_never_shorter():
    hour = 3600.0
    schedule = Schedule(chance=lambda: 0.5)
    waits = [0, 5, 300, 1800, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour]
    assert list(schedule.waits_s) == waits
    for attempts, wait_s in enumerate(waits):
        assert schedule.next_at(attempts, START, posted_at=START) == START + timedelta(seconds=wait_s * 1.1)
    late = START + schedule.patience
    assert schedule.next_at(10, late, posted_at=START) is None
    assert schedule.next_at(10, START, posted_at=START) is not None, "attempts alone use up no patience of days"


def test_a_circuit_opens_after_failures_in_a_row_for_longer_and_longer_but_not_for_ever():
    schedule = Schedule(jitter=0.0)
    assert schedule.open_until(4, START) is None
    pauses = [(schedule.open_until(n, START) - START).total_seconds() for n in (5, 6, 7, 20, 10_000)]
    assert pauses == [30, 60, 120, 600, 600]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("Mon, 23 Nov 2026 04:02:00 GMT", 120),
        ("Mon, 23 Nov 2026 03:00:00 GMT", 0),
        ("99999999", 86400),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        (None, None),
    ],
)
def test_a_receivers_own_wish_is_read_as_seconds_or_as_a_date(text, seconds):
    pause = asked_pause(text, START)
    assert (None if pause is None else pause.total_seconds()) == seconds


@pytest.mark.parametrize(
    "setting",
    [
        {"networks": "10.0.0.0/99"},
        {"type_prefix": "flyonce"},
        {"source": "a b"},
        {"public_url": "city.example"},
        {"public_url": "https://city.example/"},
        {"mail_url": "mail.example"},
    ],
)
def test_a_setting_that_cannot_be_used_is_named(setting):
    with pytest.raises(InvalidRequest):
        Sending.of(**setting)


def test_links_lead_to_the_city_and_types_carry_its_own_prefix(store, hook):
    clock = Clock()
    letterhead = Letterhead(
        type_prefix="cn.gov.example", source="https://city.example", public_url="https://city.example"
    )
    add_receiver(store, "drainage", hook.url)
    a_message(store, clock())
    send_all(delivering(store, clock, letterhead=letterhead))
    event_sent = hook.got[0].json
    assert event_sent["type"] == "cn.gov.example.task.dispatched.v1"
    assert (event_sent["source"], event_sent["data"]["link"]) == (
        "https://city.example",
        "https://city.example/cases/1",
    )
