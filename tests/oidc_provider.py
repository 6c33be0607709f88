"""A small provider of OpenID Connect on loopback, made of Authlib's parts: code flow, PKCE required, RS256."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Request, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from authlib.oidc.rpinitiated import EndSessionEndpoint
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT_ID, CLIENT_SECRET = "flyonce", "a-client-secret"
LOGGED_OUT = "/api/v1/session/oidc/logged-out"
BACK_CHANNEL = "http://schemas.openid.net/event/backchannel-logout"


class Client(ClientMixin):
    client_id = CLIENT_ID

    def __init__(self, homes):
        self.client_metadata = {"post_logout_redirect_uris": [f"{home}{LOGGED_OUT}" for home in homes]}

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri.endswith("/api/v1/session/oidc/callback")

    def check_client_secret(self, client_secret):
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


class Code:
    """An authorization code with all that was asked for."""

    def __init__(self, request, user):
        data = request.payload.data
        self.user, self.redirect_uri, self.scope = user, data.get("redirect_uri"), request.payload.scope
        self.nonce, self.code_challenge = data.get("nonce"), data.get("code_challenge")
        self.code_challenge_method, self.at = data.get("code_challenge_method"), int(time.time())

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return self.at

    def get_acr(self):
        return None

    def get_amr(self):
        return None


class Provider(AuthorizationServer):
    """Vouches for whoever is `self.person`, a dict of claims."""

    def __init__(self, issuer: str) -> None:
        super().__init__(scopes_supported=["openid", "profile"])
        self.issuer, self.person, self.codes = issuer, {}, {}
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.named_issuer, self.extra, self.calls = issuer, {}, []
        # What its own browser session is called; None once somebody has logged out. Offered in the discovery, or not.
        self.session, self.offered, self.more_of_end = "s-1", True, ""
        self.homes = ["http://city.test"]
        provider = self

        class CodeGrant(grants.AuthorizationCodeGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

            def save_authorization_code(self, code, request):
                provider.codes[code] = Code(request, request.user)

            def query_authorization_code(self, code, client):
                return provider.codes.get(code)

            def delete_authorization_code(self, authorization_code):
                provider.codes = {k: v for k, v in provider.codes.items() if v is not authorization_code}

            def authenticate_user(self, authorization_code):
                return authorization_code.user

        class IdToken(OpenIDCode):
            def exists_nonce(self, nonce, request):
                return False

            def get_jwt_config(self, grant=None, client=None):
                return {"key": provider.key, "alg": "RS256", "iss": provider.named_issuer, "exp": 300}

            def resolve_client_private_key(self, client):
                return provider.key

            def get_client_algorithm(self, client):
                return "RS256"

            def get_encode_header(self, client):
                return {"alg": "RS256", "kid": "one"}

            def get_client_claims(self, client):
                return {"iss": provider.named_issuer, "exp": int(time.time()) + 300, "iat": int(time.time())}

            def generate_user_info(self, user, scope):
                return UserInfo(**{"sid": provider.session} | user | provider.extra)

        self.register_token_generator("default", BearerTokenGenerator(lambda **_: "an-access-token"))

        class EndSession(EndSessionEndpoint):
            def get_server_jwks(self):
                return KeySet([provider.key])

            def end_session(self, end_session_request):
                provider.session = None

        self.register_endpoint(EndSession)
        self.register_grant(CodeGrant, [IdToken(require_nonce=True), CodeChallenge(required=True)])

    def query_client(self, client_id):
        return Client(self.homes) if client_id == CLIENT_ID else None

    def save_token(self, token, request):
        return None

    def send_signal(self, name, *args, **kwargs):
        return None

    def create_oauth2_request(self, request):
        return request

    def handle_response(self, status, body, headers):
        return status, json.dumps(body) if isinstance(body, dict) else body or "", dict(headers)

    def answer(self, method: str, url: str, headers, body: str):
        self.calls.append(urlsplit(url).path)
        match urlsplit(url).path:
            case "/.well-known/openid-configuration":
                return 200, json.dumps(self._metadata()), {"Content-Type": "application/json"}
            case "/jwks":
                return (
                    200,
                    json.dumps({"keys": [self.key.as_dict(private=False)]}),
                    {"Content-Type": "application/json"},
                )
            case "/authorize":
                request = _request(method, url, headers, dict(parse_qsl(urlsplit(url).query)))
                grant = self.get_consent_grant(request, self.person)
                return self.create_authorization_response(request, grant_user=self.person, grant=grant)
            case "/token":
                return self.create_token_response(_request(method, url, headers, dict(parse_qsl(body))))
            case "/end":
                request = _request(method, url, headers, dict(parse_qsl(urlsplit(url).query)))
                return self.create_endpoint_response("end_session", request) or (200, "logged out", {})
        return 404, "", {}

    def _metadata(self):
        addresses = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        told = {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in addresses.items()}
        return told | ({"end_session_endpoint": f"{self.issuer}/end{self.more_of_end}"} if self.offered else {})

    def logout_token(self, header=None, **changes):
        """What the provider sends of somebody who logged out; a claim changed to None is left out."""
        at = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": at, "exp": at + 120, "jti": "j-1", "sub": "u-1001"}
        claims |= {"events": {BACK_CHANNEL: {}}} | changes
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": "one", "typ": "logout+jwt"} | (header or {}), kept, self.key)


class _Asked(OAuth2Request):
    form = args = None


def _request(method, url, headers, data) -> OAuth2Request:
    request = _Asked(method, url, headers=dict(headers.items()))
    request.payload = BasicOAuth2Payload(data)
    request.form, request.args = (data, {}) if method == "POST" else ({}, data)
    return request


@contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            status, text, headers = provider.answer(self.command, provider.issuer + self.path, self.headers, body)
            sent = text.encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(sent)), "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = _answer  # noqa: N815 - the names of the base class

        def log_message(self, *_):
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=30)
