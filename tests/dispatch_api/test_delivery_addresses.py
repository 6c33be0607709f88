"""Where messages may go: forms of URLs, addresses inside and outside, names that change their minds, certificates."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme
from loopback_receivers import LOOPBACK, TRUSTED, LoopbackReceiver, Reply

from dispatch_api.deliveries.addresses import Guard, is_public, networks_of, real_addresses, target_of
from dispatch_api.deliveries.masking import masked
from dispatch_api.deliveries.wire import MAX_ANSWER_BYTES, NotSent, Wire
from dispatch_api.errors import AddressRefused, InvalidRequest

INSIDE = [
    "127.0.0.1",
    "127.255.0.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "4000::1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
]
OUTSIDE = ["8.8.8.8", "223.5.5.5", "2400:3200::1", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2002:0808:0808::1"]


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_refused_whatever_they_are_wrapped_in(address):
    with pytest.raises(AddressRefused, match="not allowed"):
        Guard().chosen(target_of("https://hook.test/"), [address])


@pytest.mark.parametrize("address", OUTSIDE)
def test_addresses_of_the_world_at_large_are_fine_over_https_alone(address):
    assert Guard().chosen(target_of("https://hook.test/"), [address]) == address
    with pytest.raises(AddressRefused, match="only https"):
        Guard().chosen(target_of("http://hook.test/"), [address])


def test_an_allowed_network_opens_itself_and_nothing_beside_it():
    guard = Guard(allowed=networks_of(["10.20.0.0/16, fd00:1::/32"]))
    for address in ("10.20.3.4", "::ffff:10.20.3.4", "64:ff9b::10.20.3.4", "fd00:1::5"):
        assert guard.chosen(target_of("http://hook.test/"), [address]) == address
    for address in ("10.21.0.1", "fd00:2::1", "127.0.0.1", "::ffff:10.21.0.1"):
        with pytest.raises(AddressRefused):
            guard.chosen(target_of("https://hook.test/"), [address])


def test_one_bad_address_among_good_ones_spoils_the_name():
    with pytest.raises(AddressRefused):
        Guard().chosen(target_of("https://hook.test/"), ["8.8.8.8", "127.0.0.1"])
    with pytest.raises(AddressRefused, match="no address"):
        Guard().chosen(target_of("https://hook.test/"), [])


def test_every_address_of_the_world_is_one_that_leads_there():
    for address in OUTSIDE:
        assert all(is_public(one) for one in real_addresses(address))
    with pytest.raises(AddressRefused, match="it is no address"):
        real_addresses("hook.test")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hook.test/",
        "file:///etc/passwd",
        "gopher://hook.test:70/_x",
        "//hook.test/",
        "hook.test",
        "https://",
        "https:///hook",
        "https://user@hook.test/",
        "https://user:word@hook.test/",
        "https://hook.test/#part",
        "https://hook.test:22/",
        "https://hook.test:25/",
        "https://hook.test:5432/",
        "https://hook.test:6379/",
        "https://hook.test:99999/",
        "https://hook.test\\@evil.test/",
        "https://hook.test/a b",
        "https://hook.test/\r\nX: 1",
        "https://hook.test/\t",
        "https://[::1/",
        f"https://hook.test/{'a' * 2048}",
    ],
)
def test_urls_that_messages_are_never_sent_to(url):
    with pytest.raises(InvalidRequest, match="url: "):
        target_of(url)


def test_a_url_is_taken_apart_as_the_resolver_and_the_receiver_need_it():
    target = target_of("https://部门.test:8443/hook?key=1")
    assert target.host.encode().decode("idna") == "部门.test"
    assert (target.host.isascii(), target.port, target.path) == (True, 8443, "/hook?key=1")
    assert target_of("http://[fd00:1::5]/").host == "fd00:1::5"
    assert target_of("http://hook.test").path == "/"


@pytest.mark.parametrize("text", ["10.0.0.1/8", "abc", "10.0.0.0/33"])
def test_an_allow_list_that_is_none_is_named(text):
    with pytest.raises(InvalidRequest, match="networks"):
        networks_of([text])


def posted(url: str, *, resolver=None, guard: Guard = LOOPBACK, tls=TRUSTED, timeout_s: float = 10.0, times: int = 1):
    async def work():
        more = {} if resolver is None else {"resolver": resolver}
        async with Wire(guard, timeout_s=timeout_s, tls=tls, **more) as wire:
            return [await wire.post(url, b"{}", {"x-n": str(n)}) for n in range(times)]

    return asyncio.run(work())


@pytest.fixture
def hook():
    receiver = LoopbackReceiver()
    yield receiver
    receiver.stop()


class Names:
    """A resolver that gives other addresses at each call, as a name does that is being rebound."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0)


def test_a_name_that_is_rebound_between_look_ups_is_looked_up_once_and_never_connects_inside(hook):
    names = Names(["127.0.0.1"], ["127.0.0.1"])
    [answer] = posted(f"http://hook.test:{hook.port}/", resolver=names)
    assert (answer.status, names.asked) == (204, ["hook.test"])
    rebound = Names(["8.8.8.8", "127.0.0.1"])
    with pytest.raises(AddressRefused):
        posted(f"https://hook.test:{hook.port}/", resolver=rebound, guard=Guard())
    later = Names(["127.0.0.1"])
    with pytest.raises(AddressRefused):
        posted(f"https://hook.test:{hook.port}/", resolver=later, guard=Guard())
    assert len(hook.got) == 1


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"])
def test_loopback_in_any_spelling_is_refused_by_the_systems_own_resolver(hook, host):
    with pytest.raises((AddressRefused, NotSent)):
        posted(f"https://{host}:{hook.port}/", guard=Guard())
    assert hook.got == []


def test_a_certificate_is_verified_by_the_name_though_the_address_is_pinned():
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hook.test").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    hook = LoopbackReceiver(tls=serving)
    try:
        for url, tls, fails in (
            (f"https://hook.test:{hook.port}/", trusting, None),
            (f"https://other.test:{hook.port}/", trusting, "CERTIFICATE_VERIFY_FAILED"),
            (f"https://hook.test:{hook.port}/", TRUSTED, "CERTIFICATE_VERIFY_FAILED"),
        ):
            names = Names(["127.0.0.1"])
            if fails is None:
                assert posted(url, resolver=names, tls=tls)[0].status == 204
            else:
                with pytest.raises(NotSent, match=fails):
                    posted(url, resolver=names, tls=tls)
        assert [got.headers["host"] for got in hook.got] == [f"hook.test:{hook.port}"]
    finally:
        hook.stop()


def test_proxies_of_the_environment_are_not_asked(hook, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert posted(hook.url)[0].status == 204


def test_of_a_long_answer_only_the_beginning_is_read(hook):
    hook.answer = lambda n, got: Reply(status=200, body=b"ok", megabytes=30)
    [answer] = posted(hook.url)
    assert (len(answer.body), answer.body[:3]) == (MAX_ANSWER_BYTES, b"okx")


def test_a_connection_is_used_again_and_a_name_is_then_not_asked_anew(hook):
    names = Names(["127.0.0.1"])
    answers = posted(f"http://hook.test:{hook.port}/", resolver=names, times=3)
    assert [answer.status for answer in answers] == [204, 204, 204]
    assert names.asked == ["hook.test"]


def test_nobody_at_the_port_and_a_name_without_address_are_told_in_few_words(hook):
    hook.stop()
    with pytest.raises(NotSent, match="no connection") as told:
        posted(f"http://127.0.0.1:{hook.port}/hook?key=geheim")
    assert "geheim" not in str(told.value)

    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(NotSent, match=r"hook\.test has no address"):
        posted("https://hook.test/?key=geheim", resolver=nowhere)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7xxx",
            "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=***",
        ),
        (
            "https://oapi.dingtalk.com/robot/send?access_token=abc&x=1",
            "https://oapi.dingtalk.com/robot/send?access_token=***&x=***",
        ),
        ("https://hooks.test/services/T0/B0/XXXXXXXXXXXXXXXXXXXX", "https://hooks.test/services/T0/B0/***"),
        ("https://hook.test:8443/in?SEC000000000000000", "https://hook.test:8443/in?***=***"),
        ("https://user:word@hook.test/", "https://hook.test/"),
        ("mailto:chen@city.example,li@city.example", "mailto:c***@city.example,l***@city.example"),
        ("http://[fd00:1::5]:8080/a", "http://[fd00:1::5]:8080/a"),
        ("https://[::1/", "***"),
    ],
)
def test_what_may_be_secret_in_a_url_is_masked(url, shown):
    assert masked(url) == shown
