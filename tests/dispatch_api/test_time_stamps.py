"""RFC 3161 time stamps over a pack's manifest, by a real authority on loopback, checked by openssl as well."""

from __future__ import annotations

import shutil
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dispatch_builders import an_observation, default_rules
from pack_builders import a_pack, rewritten

from dispatch_api.cases.intake import Intake
from dispatch_api.deliveries.addresses import networks_of
from dispatch_api.errors import AddressRefused, EvidenceError, InvalidRequest, StampError
from dispatch_api.evidence.pack.stamps import check_signature, stamp_pack, token_from, token_of
from dispatch_api.evidence.pack.standalone import Wrong, verify
from dispatch_api.store import open_store

LOOPBACK = networks_of(["127.0.0.0/8"])
CONFIG = """
[tsa]
default_tsa = here
[here]
dir = .
serial = $dir/serial
signer_cert = $dir/tsa.pem
signer_key = $dir/tsa.key
certs = $dir/ca.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def openssl(*arguments: str, folder: Path, fed: bytes | None = None) -> bytes:
    done = subprocess.run(["openssl", *arguments], cwd=folder, input=fed, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Path:
    """A folder with a root, a time-stamp authority under it, and another root that knows nothing of it."""
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "tsa.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01\n")
    (folder / "use.cnf").write_text("extendedKeyUsage = critical,timeStamping\nkeyUsage = critical,digitalSignature\n")
    key = ("-newkey", "rsa:2048", "-nodes")
    for name in ("ca", "other"):
        ca = ("-x509", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "30", "-subj", f"/CN=Test {name}")
        openssl("req", *key, *ca, "-addext", "keyUsage=critical,keyCertSign", folder=folder)
    openssl("req", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Test TSA", folder=folder)
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "use.cnf")
    openssl("x509", "-req", "-in", "tsa.csr", *signed, "-out", "tsa.pem", folder=folder)
    return folder


def stamped(folder: Path, query: bytes) -> bytes:
    return openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "/dev/stdin", folder=folder, fed=query)


@contextmanager
def serving(answer: Callable[[bytes], tuple[int, bytes]]) -> Iterator[str]:
    """An HTTP server on loopback; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            status, body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def plain(templates, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    shutil.copy(templates[0], folder / "city.db")
    with open_store(f"sqlite:///{folder}/city.db") as store:
        recorded = Intake(store, *default_rules()).record(an_observation())
        return a_pack(store, recorded.case_id, folder / "pack.zip").path


@pytest.fixture(scope="module")
def token(authority, plain) -> bytes:
    with serving(lambda query: (200, stamped(authority, query))) as url:
        return token_from(url, token_of(plain)[0], allowed=LOOPBACK)


def test_a_stamped_pack_is_the_same_pack_and_openssl_says_who_stamped_it(authority, plain, token, tmp_path):
    told = stamp_pack(plain, tmp_path / "stamped.zip", token)
    assert told.stamped
    assert told.manifest_sha256 == verify(plain).manifest_sha256
    with zipfile.ZipFile(tmp_path / "stamped.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    shutil.copy(authority / "ca.pem", tmp_path / "unpacked" / "ca.pem")
    names = ("-in", "manifest.tsr", "-data", "manifest.json", "-CAfile", "ca.pem")
    said = openssl("ts", "-verify", *names, folder=tmp_path / "unpacked")
    assert b"OK" in said
    done = subprocess.run(["sha256sum", "-c", "--status", "digests.txt"], cwd=tmp_path / "unpacked", check=False)
    assert done.returncode == 0
    manifest, kept = token_of(tmp_path / "stamped.zip")
    at = check_signature(kept, manifest, (authority / "ca.pem").read_bytes())
    assert abs((datetime.now(UTC) - at).total_seconds()) < 3600


def test_a_pack_can_be_stamped_while_it_is_made(authority, templates, tmp_path):
    shutil.copy(templates[0], tmp_path / "city.db")
    with (
        open_store(f"sqlite:///{tmp_path}/city.db") as store,
        serving(lambda query: (200, stamped(authority, query))) as url,
    ):
        recorded = Intake(store, *default_rules()).record(an_observation())
        ask = lambda manifest: token_from(url, manifest, allowed=LOOPBACK)  # noqa: E731 - it is one
        made = a_pack(store, recorded.case_id, tmp_path / "pack.zip", stamp=ask)
    assert made.stamped
    assert verify(made.path).stamped


def test_a_stamp_by_somebody_else_or_of_something_else_does_not_hold(authority, plain, token):
    manifest = token_of(plain)[0]
    with pytest.raises(StampError, match="signature"):
        check_signature(token, manifest, (authority / "other.pem").read_bytes())
    with pytest.raises(StampError):
        check_signature(token, manifest + b" ", (authority / "ca.pem").read_bytes())
    with pytest.raises(StampError):
        check_signature(token, manifest, b"no certificate")
    spoilt = token[:-20] + bytes([token[-20] ^ 1]) + token[-19:]
    with pytest.raises(StampError):
        check_signature(spoilt, manifest, (authority / "ca.pem").read_bytes())


def test_a_token_that_was_changed_or_is_of_another_pack_is_named(authority, plain, token, tmp_path):
    stamp_pack(plain, tmp_path / "stamped.zip", token)

    def found(number: int, change) -> str:
        out = rewritten(tmp_path / "stamped.zip", tmp_path / f"{number}.zip", change)
        with pytest.raises(Wrong) as caught:
            verify(out)
        return caught.value.where

    changed = token[:-5] + bytes([token[-5] ^ 1]) + token[-4:]
    assert found(1, lambda m: {**m, "manifest.tsr": changed}) == "manifest.tsr"
    assert found(2, lambda m: {**m, "manifest.tsr": b"nothing"}) == "manifest.tsr"
    assert found(3, lambda m: {name: m[name] for name in m if name != "manifest.tsr"}) == "digests.txt"
    query = openssl("ts", "-query", "-data", "tsa.cnf", "-sha256", "-cert", folder=authority)
    with pytest.raises(StampError, match="something else"):
        stamp_pack(plain, tmp_path / "other.zip", stamped(authority, query))
    assert not (tmp_path / "other.zip").exists()
    with pytest.raises(EvidenceError, match="is there already"):
        stamp_pack(plain, tmp_path / "stamped.zip", token)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((500, b""), "HTTP 500"),
        ((302, b""), "HTTP 302"),
        ((200, b"<html>"), "no time-stamp response"),
        ((200, b""), "no time-stamp response"),
        ((200, bytes(200_000)), "no time-stamp response"),
    ],
)
def test_an_authority_that_answers_nonsense_gives_no_stamp(answer, says):
    with serving(lambda _: answer) as url, pytest.raises(StampError, match=says):
        token_from(url, b"manifest", allowed=LOOPBACK)


def test_an_answer_to_another_question_is_no_stamp(authority):
    asked: list[bytes] = []

    def replayed(query: bytes) -> tuple[int, bytes]:
        asked.append(query)
        return 200, stamped(authority, asked[0])

    with serving(replayed) as url:
        token_from(url, b"manifest", allowed=LOOPBACK)
        with pytest.raises(StampError, match="nonce"):
            token_from(url, b"manifest", allowed=LOOPBACK)
        with pytest.raises(StampError, match="something else"):
            token_from(url, b"another manifest", allowed=LOOPBACK)


def test_an_authority_that_hangs_is_not_waited_for(authority):
    over = threading.Event()

    def hangs(_: bytes) -> tuple[int, bytes]:
        over.wait(60)
        return 200, b""

    with serving(hangs) as url:
        try:
            with pytest.raises(StampError, match="no answer within"):
                token_from(url, b"manifest", allowed=LOOPBACK, timeout_s=0.5)
        finally:
            over.set()


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:9999/tsa", AddressRefused),
        ("http://169.254.169.254/latest", AddressRefused),
        ("https://localhost:9999/", AddressRefused),
        ("file:///etc/passwd", InvalidRequest),
        ("ftp://tsa.example/", InvalidRequest),
    ],
)
def test_no_stamp_is_had_from_inside_the_city_unless_its_network_is_named(url, error):
    with pytest.raises(error):
        token_from(url, b"manifest")
