"""A department's receiver hears of those below it where that was declared, of itself always, of others never."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from dispatch_builders import NOON, an_observation
from dispatch_client import Browser
from dispatch_people import PASSWORD, QUICK
from loopback_receivers import BY, a_message
from sqlalchemy import select
from typer.testing import CliRunner

from dispatch_api.app import create_app
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import load_matters
from dispatch_api.configuration import default_file
from dispatch_api.deliveries.channels import ReceiverKind
from dispatch_api.deliveries.receivers import NewReceiver, ReceiverDesk
from dispatch_api.departments.model import Departments, load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.errors import InvalidRequest
from dispatch_api.store import open_store
from dispatch_api.store.backup import restore_backup, write_backup
from dispatch_api.store.history import verify_history
from dispatch_api.store.schema import delivery, event, message, receiver
from flyonce.cli import receivers as receiver_commands

TREE = """
  - {key: city_office, level: city, name: {zh: 市局, en: City office}}
  - {key: east, level: county, parent: city_office, name: {zh: 东县, en: East county}}
  - {key: west, level: county, parent: city_office, name: {zh: 西县, en: West county}}
  - {key: drainage, level: town, parent: east, name: {zh: 市政排水, en: Municipal drainage}}
  - {key: river_town, level: town, parent: east, name: {zh: 河镇, en: River town}}
  - {key: sanitation, level: town, parent: west, name: {zh: 环卫, en: Sanitation}}
"""
EVERYBODY = ("city_office", "east", "west", "drainage", "river_town", "sanitation", "ecology")


def a_tree(folder, tree: str = TREE) -> Departments:
    ours = [f"{{key: {key}," for key in EVERYBODY if f"{{key: {key}," in tree]
    lines = default_file("departments.yaml").read_text("utf-8").splitlines()
    path = folder / "departments.yaml"
    path.write_text("\n".join(line for line in lines if not any(one in line for one in ours)) + tree, "utf-8")
    return load_departments(path)


def add(store, tree: Departments, name: str, *departments: str, with_below: bool) -> dict:
    new = NewReceiver(
        name=name,
        kind=ReceiverKind.WEBHOOK,
        url=f"https://{name}.example/in",
        departments=departments,
        with_below=with_below,
    )
    return ReceiverDesk(store, departments=tree).add(new, by=BY).shown


def heard(store, *departments: str) -> set[str]:
    """Which receivers a message that concerns departments is addressed to."""
    message_id = a_message(store, NOON, departments=departments)
    query = select(receiver.c.name).join(delivery, delivery.c.receiver_id == receiver.c.receiver_id)
    with store.read() as connection:
        return set(connection.execute(query.where(delivery.c.message_id == message_id)).scalars())


@pytest.mark.both_stores
def test_a_message_goes_up_the_tree_only_to_those_who_asked_and_never_sideways_or_down(store, tmp_path):
    tree = a_tree(tmp_path)
    for key in EVERYBODY:
        add(store, tree, f"{key}-alone", key, with_below=False)
        add(store, tree, f"{key}-below", key, with_below=True)
    above = {
        "city_office": {"city_office"},
        "east": {"east", "city_office"},
        "west": {"west", "city_office"},
        "drainage": {"drainage", "east", "city_office"},
        "river_town": {"river_town", "east", "city_office"},
        "sanitation": {"sanitation", "west", "city_office"},
        "ecology": {"ecology"},
    }
    for key in EVERYBODY:
        assert heard(store, key) == {f"{key}-alone"} | {f"{one}-below" for one in above[key]}
    both = {"drainage-alone", "sanitation-alone", *(f"{one}-below" for one in above["drainage"] | above["sanitation"])}
    assert heard(store, "drainage", "sanitation") == both


@pytest.mark.both_stores
def test_a_county_hears_of_its_towns_cases_and_tasks_and_of_no_other_departments(store, tmp_path):
    tree, matters = a_tree(tmp_path), load_matters()
    add(store, tree, "east", "east", with_below=True)
    add(store, tree, "west", "west", with_below=True)
    Intake(store, matters, load_routing(matters=matters, departments=tree)).record(an_observation())
    query = select(receiver.c.name, message.c.type, message.c.departments, message.c.body)
    query = query.join_from(delivery, message).join(receiver, receiver.c.receiver_id == delivery.c.receiver_id)
    with store.read() as connection:
        rows = connection.execute(query).all()
    assert {row.name for row in rows if "drainage" in row.departments} >= {"east"}
    for row in rows:
        assert {key for key in row.departments if key in tree.under(row.name)}, (row.name, row.departments)
        if row.type.startswith("task."):
            assert json.loads(row.body)["department"] in tree.under(row.name)


@pytest.mark.both_stores
def test_a_town_that_went_to_another_county_is_told_to_that_one_from_the_next_start_on(store, tmp_path):
    tree = a_tree(tmp_path)
    for key in ("east", "west"):
        add(store, tree, key, key, with_below=True)
        add(store, tree, f"{key}-alone", key, with_below=False)
    moved = a_tree(
        tmp_path, TREE.replace("river_town, level: town, parent: east", "river_town, level: town, parent: west")
    )
    assert heard(store, "river_town") == {"east"}
    assert ReceiverDesk(store, departments=moved).follow_tree(by=BY) == 2
    assert ReceiverDesk(store, departments=moved).follow_tree(by=BY) == 0
    assert heard(store, "river_town") == {"west"}
    flat = load_departments()
    assert ReceiverDesk(store, departments=flat).follow_tree(by=BY) == 2
    assert heard(store, "river_town") == set()
    with store.read() as connection:
        verify_history(connection)
        kinds = select(event.c.data).where(event.c.kind == "receiver.below_changed").order_by(event.c.seq)
        told = [json.loads(data) for data in connection.execute(kinds).scalars()]
    assert told[0] == {"receiver": "east", "with_below": True, "came": [], "went": ["river_town"]}
    assert told[1] == {"receiver": "west", "with_below": True, "came": ["river_town"], "went": []}


@pytest.mark.both_stores
def test_the_choice_is_made_anew_for_a_receiver_that_is_there(store, people, tmp_path):
    matters = load_matters()
    routing = load_routing(matters=matters, departments=a_tree(tmp_path))
    keeper = Browser(create_app(store, matters=matters, passwords=QUICK, routing=routing))
    keeper.log_in("keeper", PASSWORD)
    for name, departments in (("east", ["east"]), ("all", None)):
        keeper.post("/api/v1/receivers", {"name": name, "url": "https://x.example/", "departments": departments})
    path = "/api/v1/receivers/{}/below"
    assert heard(store, "drainage") == {"all"}
    assert keeper.post(path.format("east"), {"with_below": True}).json()["below"] == ["drainage", "river_town"]
    assert heard(store, "drainage") == {"all", "east"}
    assert keeper.post(path.format("east"), {"with_below": True}).status_code == 200
    assert keeper.post(path.format("east"), {"with_below": False}).json()["with_below"] is False
    assert heard(store, "drainage") == {"all"}
    assert keeper.post(path.format("all"), {"with_below": True}).status_code == 422
    assert keeper.post(path.format("none"), {"with_below": True}).status_code == 404
    assert keeper.post(path.format("east"), {}).status_code == 422
    with store.read() as connection:
        query = select(event.c.who, event.c.data).where(event.c.kind == "receiver.below_changed")
        told = [
            (row.who, json.loads(row.data)["with_below"]) for row in connection.execute(query.order_by(event.c.seq))
        ]
    assert told == [("keeper", True), ("keeper", False)]
    keeper.close()


@pytest.mark.both_stores
def test_what_was_declared_comes_back_with_a_backup(store, tmp_path):
    tree = a_tree(tmp_path)
    add(store, tree, "east", "east", with_below=True)
    add(store, tree, "west", "west", with_below=False)
    write_backup(store, tmp_path / "city.zip")
    restore_backup(tmp_path / "city.zip", f"sqlite:///{tmp_path}/other.db")
    with open_store(f"sqlite:///{tmp_path}/other.db") as other:
        assert heard(other, "drainage", "sanitation") == {"east"}


def test_the_choice_is_declared_and_shown_over_rest(store, people, tmp_path):
    matters = load_matters()
    app = create_app(
        store, matters=matters, passwords=QUICK, routing=load_routing(matters=matters, departments=a_tree(tmp_path))
    )
    keeper = Browser(app)
    keeper.log_in("keeper", PASSWORD)
    new = {"name": "east", "url": "https://east.example/in", "departments": ["east"]}
    assert keeper.post("/api/v1/receivers", new).json()["with_below"] is False
    told = keeper.post("/api/v1/receivers", new | {"name": "east too", "with_below": True}).json()
    assert (told["with_below"], told["below"]) == (True, ["drainage", "river_town"])
    shown = {one["name"]: (one["with_below"], one["below"]) for one in keeper.json("/api/v1/receivers")["items"]}
    assert shown == {"east": (False, None), "east too": (True, ["drainage", "river_town"])}
    refused = keeper.post("/api/v1/receivers", {"name": "x", "url": "https://x.example/", "with_below": True})
    assert (refused.status_code, refused.json()["field"]) == (422, "with_below")
    described = keeper.json("/api/v1/openapi.json")["components"]["schemas"]["ReceiverIn"]["properties"]
    assert described["with_below"]["default"] is False
    keeper.close()


def test_the_choice_is_declared_and_shown_on_the_command_line(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/city.db"
    monkeypatch.setenv("FLYONCE_STORE", url)
    open_store(url, create=True).close()
    a_tree(tmp_path)
    words = ["add", "east", "--url", "https://east.example/in", "--department", "east", "--with-below"]
    added = CliRunner().invoke(
        receiver_commands.app, [*words, "--departments", f"{tmp_path}/departments.yaml", "--json"]
    )
    assert added.exit_code == 0, added.stderr
    assert json.loads(added.stdout)["below"] == ["drainage", "river_town"]
    listed = CliRunner().invoke(receiver_commands.app, ["list"])
    assert "east and below (drainage, river_town)" in listed.stderr
    for more, below in (
        (["--off"], None),
        (["--departments", f"{tmp_path}/departments.yaml"], ["drainage", "river_town"]),
    ):
        chosen = CliRunner().invoke(receiver_commands.app, ["below", "east", *more, "--json"])
        assert json.loads(chosen.stdout)["below"] == below
    refused = CliRunner().invoke(
        receiver_commands.app, ["add", "all", "--url", "https://all.example/in", "--with-below"]
    )
    assert (refused.exit_code, "with_below" in refused.stderr) == (2, True)


def test_the_service_brings_what_lies_below_up_to_its_own_file_as_it_starts(tmp_path):
    url, tree = f"sqlite:///{tmp_path}/city.db", a_tree(tmp_path)
    with open_store(url, create=True) as opened:
        # Added without the city's file: by the defaults nobody is below anybody.
        with pytest.raises(InvalidRequest):
            add(opened, load_departments(), "east", "east", with_below=True)
        add(opened, load_departments(), "drainage", "drainage", with_below=True)
        add(opened, tree, "east", "east", with_below=True)
    moved = TREE.replace(
        "key: drainage, level: town, parent: east", "key: drainage, level: county, parent: city_office"
    )
    a_tree(
        tmp_path, moved.replace("river_town, level: town, parent: east", "river_town, level: town, parent: drainage")
    )
    command = [sys.executable, "-m", "flyonce", "serve", "--store", url, "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, "--departments", f"{tmp_path}/departments.yaml"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=60)
    with open_store(url) as opened:
        assert heard(opened, "river_town") == {"drainage"}


def test_the_whole_city_has_nothing_below_it():
    with pytest.raises(InvalidRequest) as refused:
        NewReceiver(name="all", kind=ReceiverKind.WEBHOOK, url="https://all.example/in", with_below=True)
    assert refused.value.field == "with_below"
