"""Group robots and mail: what they are told, how often, and that nothing of it gives a secret or a position away."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import hmac
import json
import logging
import re
import ssl
import urllib.parse

import pytest
import trustme
from aiosmtpd.controller import Controller
from dispatch_builders import a_zone, an_observation
from loopback_receivers import (
    Clock,
    LoopbackReceiver,
    Reply,
    a_desk,
    a_free_port,
    a_message,
    add_receiver,
    delivering,
    send_all,
)
from sqlalchemy import select

from dispatch_api.accounts.model import system_actor
from dispatch_api.deliveries.channels import ReceiverKind
from dispatch_api.deliveries.envelope import Letterhead
from dispatch_api.deliveries.mail import MailServer, recipients_of
from dispatch_api.deliveries.phrases import Language
from dispatch_api.deliveries.places import place_name
from dispatch_api.deliveries.words import plain
from dispatch_api.errors import InvalidRequest
from dispatch_api.store.schema import delivery

FINE = Reply(status=200, body=b'{"errcode":0,"errmsg":"ok"}')
PUBLIC = Letterhead(public_url="https://city.example/flyonce")


@pytest.fixture
def robot():
    receiver = LoopbackReceiver(lambda n, got: FINE)
    yield receiver
    receiver.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def states(store) -> list[tuple[str, str | None]]:
    with store.read() as connection:
        return [
            (row.state, row.last_error) for row in connection.execute(select(delivery).order_by(delivery.c.delivery_id))
        ]


def wecom(store, robot, **changes) -> None:
    add_receiver(store, "group", f"{robot.url}?key=693a91f6-geheim", kind=ReceiverKind.WECOM, **changes)


def text_of(got) -> str:
    return got.json["markdown"].get("content") or got.json["markdown"]["text"]


def test_a_group_is_told_number_matter_place_colour_deadline_and_link_and_nothing_else(store, intake, robot, clock):
    wecom(store, robot, departments=("drainage",))
    recorded = intake.record(an_observation(zones=(a_zone(kind="road", code="R1", name="人民路"),)))
    clock.forward(days=3650)
    send_all(delivering(store, clock, letterhead=PUBLIC))
    [got] = robot.got
    assert got.json["msgtype"] == "markdown"
    lines = text_of(got).splitlines()
    assert re.fullmatch(r"### (🔴红色|🟡黄色|🟢绿色) 新任务", lines[0])
    assert f"**案件**：{recorded.case_number}" in lines
    assert "**地点**：人民路 12 号附近" in lines
    assert "**部门**：市政排水" in lines
    assert any(re.fullmatch(r"\*\*办理时限\*\*：\d+月\d+日 \d\d:\d\d", line) for line in lines)
    assert f"[详情请登录查看](https://city.example/flyonce/cases/{recorded.case_id})" in lines
    assert "118." not in text_of(got)
    assert "28.9" not in text_of(got)
    assert "evidence" not in text_of(got)


def test_dingtalk_gets_its_signature(store, robot, clock):
    url = f"{robot.url}?access_token=abc"
    add_receiver(store, "group", url, kind=ReceiverKind.DINGTALK, secret="SECgeheim")
    a_message(store, clock())
    send_all(delivering(store, clock))
    [got] = robot.got
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(got.path).query)
    assert query["access_token"] == ["abc"]
    timestamp = query["timestamp"][0]
    assert int(timestamp) == int(clock().timestamp() * 1000)
    expected = hmac.new(b"SECgeheim", f"{timestamp}\nSECgeheim".encode(), hashlib.sha256).digest()
    assert query["sign"] == [base64.b64encode(expected).decode()]
    assert got.json["markdown"]["title"] == "🟡黄色 新任务"


def test_eighty_four_puddles_are_a_few_digests_and_each_is_told_once(store, robot, clock):
    wecom(store, robot)
    for n in range(84):
        a_message(store, clock(), number=f"20261123-{n:04d}")
    send_all(delivering(store, clock, letterhead=PUBLIC))
    assert 2 <= len(robot.got) <= 4
    told = [number for got in robot.got for number in re.findall(r"20261123-\d{4}", text_of(got))]
    assert sorted(told) == [f"20261123-{n:04d}" for n in range(84)]
    assert all(len(text_of(got).encode()) < 4096 for got in robot.got)
    assert {state for state, _ in states(store)} == {"delivered"}


def test_more_than_the_platform_takes_in_a_minute_waits_and_red_does_not(store, robot, clock):
    wecom(store, robot)
    service = delivering(store, clock)
    for n in range(30):
        a_message(store, clock(), number=f"yellow-{n}", colour="yellow")
        send_all(service)
        clock.forward(seconds=1)
    assert len(robot.got) == 15
    for n in range(3):
        a_message(store, clock(), number=f"red-{n}", colour="red")
        send_all(service)
    assert len(robot.got) == 18
    # What waited goes along with the first red one: it costs no message of its own.
    assert "red-0" in text_of(robot.got[15])
    assert "yellow-29" in text_of(robot.got[15])
    for n in range(5):
        a_message(store, clock(), number=f"more-{n}", colour="red")
        send_all(service)
    assert len(robot.got) == 20, "beyond it the platform would block the robot, red and all"
    clock.forward(seconds=60)
    send_all(service)
    assert len(robot.got) == 21
    assert {state for state, _ in states(store)} == {"delivered"}


def test_a_quota_of_the_city_is_passed_by_red(store, robot, clock):
    wecom(store, robot, quota_per_minute=2)
    service = delivering(store, clock)
    for n in range(4):
        a_message(store, clock(), number=str(n), colour="green")
        send_all(service)
    assert len(robot.got) == 2
    a_message(store, clock(), number="red", colour="red")
    send_all(service)
    assert len(robot.got) == 3


def test_a_webhook_may_have_a_quota_too(store, clock):
    hook = LoopbackReceiver()
    try:
        add_receiver(store, "small", hook.url, quota_per_minute=3)
        for n in range(5):
            a_message(store, clock(), number=str(n), colour="green")
        for n in range(2):
            a_message(store, clock(), number=f"red {n}", colour="red")
        service = delivering(store, clock)
        sent = []
        for _ in range(4):
            sent.append(send_all(service))
            clock.forward(seconds=61)
        assert sent == [3, 3, 1, 0]
        assert sorted(got.json["data"]["number"] for got in hook.got[:3])[1:] == ["red 0", "red 1"]
    finally:
        hook.stop()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(status=200, body=b'{"errcode":93000,"errmsg":"invalid webhook url ?key=geheim"}'), "errcode 93000"),
        (Reply(status=200, body=b"<html>"), "no robot's answer"),
        (Reply(status=200, body=b'{"ok":true}'), "no robot's answer"),
        (Reply(status=500), "answered 500"),
    ],
)
def test_a_robots_refusal_is_a_failure_though_its_status_is_200(store, robot, clock, answer, error):
    robot.answer = lambda n, got: answer
    wecom(store, robot)
    a_message(store, clock())
    send_all(delivering(store, clock))
    [(state, told)] = states(store)
    assert state == "pending"
    assert error in told
    assert "geheim" not in told


def test_a_robot_told_too_much_is_left_alone_for_ten_minutes(store, robot, clock):
    robot.answer = lambda n, got: Reply(status=200, body=b'{"errcode":45009}') if n == 1 else FINE
    wecom(store, robot)
    a_message(store, clock())
    service = delivering(store, clock)
    send_all(service)
    clock.forward(minutes=9, seconds=59)
    assert send_all(service) == 0
    clock.forward(seconds=1)
    assert send_all(service) == 1


def test_a_message_may_bring_its_own_words_and_a_type_nobody_knows_here(store, robot, clock):
    wecom(store, robot)
    words = {"title_zh": "汛情通报", "text_zh": "共 84 处积水\n最深 40 厘米"}
    a_message(store, clock(), type="storm.told.v1", data=words)
    send_all(delivering(store, clock))
    lines = text_of(robot.got[0]).splitlines()
    assert lines == ["### 🟡黄色 汛情通报", "共 84 处积水", "最深 40 厘米"]


def test_a_receiver_may_be_told_in_english_and_chinese_stays_where_a_message_brings_nothing_else(
    store, intake, robot, clock
):
    wecom(store, robot, language=Language.EN)
    recorded = intake.record(an_observation(zones=(a_zone(kind="road", code="R1", name="人民路"),)))
    clock.forward(days=3650)
    send_all(delivering(store, clock, letterhead=PUBLIC))
    told = [line for got in robot.got for line in text_of(got).splitlines()]
    assert any(
        re.fullmatch(rf"- 🟢 New task: {recorded.case_number}, .*, due \d\d [A-Z][a-z][a-z] \d\d:\d\d", one)
        for one in told
    )
    assert "[Log in to see more](https://city.example/flyonce)" in told
    robot.got.clear()
    words = {"title_zh": "汛情通报", "text_zh": "共 84 处积水"}
    a_message(store, clock(), type="storm.told.v1", data=words)
    send_all(delivering(store, clock))
    assert text_of(robot.got[0]).splitlines() == ["### 🟡 yellow 汛情通报", "共 84 处积水"]
    robot.got.clear()
    clock.forward(minutes=2)
    words = {"text": {"zh": "超期督办", "en": "Overdue"}, "deadline_at": "2026-11-23T08:00:00Z"}
    a_message(store, clock(), type="task.reminder.v1", colour="red", data=words)
    send_all(delivering(store, clock))
    lines = text_of(robot.got[0]).splitlines()
    assert lines[0] == "### 🔴 red Overdue"
    assert lines[1:] == [
        "**Case**: 20261123-0001",
        "**Matter**: Waterlogged road",
        "**Place**: 人民路",
        "**Deadline**: 23 Nov 16:00",
    ]


def test_a_message_that_cannot_be_put_into_words_fails_alone(store, robot, clock):
    wecom(store, robot)
    a_message(store, clock(), number="bad", data={"deadline_at": "soon"})
    for n in range(3):
        a_message(store, clock(), number=f"good {n}")
    service = delivering(store, clock)
    for _ in range(3):
        send_all(service)
        clock.forward(minutes=1)
    told = "".join(text_of(got) for got in robot.got)
    assert [f"good {n}" in told for n in range(3)] == [True] * 3
    found = states(store)
    assert found[0] == ("pending", "could not be sent (ValueError)")
    assert {state for state, _ in found[1:]} == {"delivered"}


def test_a_reminder_says_what_its_step_says_and_the_number_of_its_notice(store, robot, clock):
    wecom(store, robot)
    words = {
        "text": {"zh": "超期督办", "en": "Overdue"},
        "notice": "督〔2026〕1号",
        "deadline_at": "2026-11-23T08:00:00Z",
    }
    a_message(store, clock(), type="task.reminder.v1", colour="red", data=words)
    send_all(delivering(store, clock))
    lines = text_of(robot.got[0]).splitlines()
    assert lines[:2] == ["### 🔴红色 超期督办", "**督办编号**：督〔2026〕1号"]
    assert "**办理时限**：11月23日 16:00" in lines


def test_words_of_others_order_nothing_and_a_position_is_no_place_name():
    assert plain("<@all> [看](http://evil.test)\n# 一") == "＜＠all＞ ［看］（http://evil.test） ＃ 一"
    assert plain("水" * 70) == "水" * 59 + "…"
    assert place_name("28.970123, 118.87") is None
    assert place_name("28°58′N") is None
    assert place_name("人民路 12 号附近") == "人民路 12 号附近"
    assert place_name("28.970123, 118.87", None, "第一网格") == "第一网格"


def test_no_log_and_no_listing_shows_a_robots_key(store, robot, clock, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    robot.answer = lambda n, got: Reply(status=500)
    wecom(store, robot)
    add_receiver(store, "ding", f"{robot.url}?access_token=geheim", kind=ReceiverKind.DINGTALK, secret="SECgeheim")
    add_receiver(store, "gone", f"http://127.0.0.1:{a_free_port()}/?key=geheim", kind=ReceiverKind.WECOM)
    a_message(store, clock())
    send_all(delivering(store, clock))
    listed = json.dumps(a_desk(store).listed())
    assert "key=***" in listed
    assert all(error for _, error in states(store))
    for text in (listed, caplog.text, str(states(store)), *capsys.readouterr()):
        assert "geheim" not in text


class Mailbox:
    def __init__(self) -> None:
        self.got = []

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - the server's name for it
        self.got.append((envelope.rcpt_tos, envelope.content))
        return "250 OK"


@pytest.fixture
def post_office():
    """A real mail server on loopback that asks for TLS."""
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=0, tls_context=serving, require_starttls=True)
    controller.port = a_free_port()
    controller.start()
    yield mailbox, controller.port, trusting
    controller.stop()


def test_mail_goes_out_encrypted_in_plain_words_and_to_everybody_named(store, post_office, clock):
    mailbox, port, trusting = post_office
    add_receiver(store, "chief", "mailto:chen@city.example,li@city.example", kind=ReceiverKind.MAIL)
    a_message(store, clock(), colour="red")
    a_message(store, clock(), number="20261123-0002")
    server = MailServer.of(f"smtp://127.0.0.1:{port}?from=flyonce@city.example")
    send_all(delivering(store, clock, mail_server=server, tls=trusting, letterhead=PUBLIC))
    [(recipients, content)] = mailbox.got
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert recipients == ["chen@city.example", "li@city.example"]
    assert mail["Subject"] == "综合飞一次 2 条消息 🔴红色1 🟡黄色1"
    assert "- 🔴 新任务：20261123-0001，道路积水，人民路" in mail.get_content()
    assert "详情请登录查看：https://city.example/flyonce" in mail.get_content()
    assert {state for state, _ in states(store)} == {"delivered"}
    a_desk(store).choose_language("chief", Language.EN, by=system_actor("test"))
    for number in ("20261123-0003", "20261123-0004"):
        a_message(store, clock(), number=number)
    send_all(delivering(store, clock, mail_server=server, tls=trusting, letterhead=PUBLIC))
    mail = email.message_from_bytes(mailbox.got[1][1], policy=email.policy.default)
    assert mail["Subject"] == "flyonce 2 messages 🟡 yellow 2"
    assert "- 🟡 New task: 20261123-0003, Waterlogged road, 人民路" in mail.get_content()
    assert "Log in to see more: https://city.example/flyonce" in mail.get_content()


def test_mail_is_not_handed_to_a_server_whose_certificate_nobody_vouches_for(store, post_office, clock):
    mailbox, port, _ = post_office
    add_receiver(store, "chief", "mailto:chen@city.example", kind=ReceiverKind.MAIL)
    a_message(store, clock())
    server = MailServer.of(f"smtp://127.0.0.1:{port}?from=flyonce@city.example")
    send_all(delivering(store, clock, mail_server=server))
    assert mailbox.got == []
    assert states(store) == [("pending", "the mail server did not take it (SSLCertVerificationError)")]


@pytest.mark.parametrize("url", ["mail.example", "smtps://mail.example", "http://mail.example?from=a@b.example"])
def test_a_mail_server_that_is_none_is_named(url):
    with pytest.raises(InvalidRequest, match="mail_url"):
        MailServer.of(url)


@pytest.mark.parametrize("url", ["a@b.example", "mailto:", "mailto:a", "mailto:a@b.example,", "mailto:a@b\r\nBcc: c@d"])
def test_recipients_that_are_none_are_refused(url):
    with pytest.raises(InvalidRequest, match="url"):
        recipients_of(url)


def test_a_mail_servers_password_is_in_no_text_of_it():
    server = MailServer.of("smtps://user:geheim@mail.example?from=a@b.example")
    assert (server.port, server.password) == (465, "geheim")
    assert "geheim" not in repr(server)


def test_without_a_mail_server_mail_waits(store, clock):
    add_receiver(store, "chief", "mailto:chen@city.example", kind=ReceiverKind.MAIL)
    a_message(store, clock())
    assert send_all(delivering(store, clock)) == 0
    assert states(store) == [("pending", None)]
