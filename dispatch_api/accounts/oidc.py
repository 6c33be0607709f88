"""`OidcDesk`: people log in with the city's own provider, by the code flow with PKCE."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from dispatch_api.accounts.model import Account, system_actor
from dispatch_api.accounts.oidc_file import OidcSettings, RoleOfClaim
from dispatch_api.accounts.service import AccountDesk
from dispatch_api.accounts.sessions import LogIn, SessionDesk
from dispatch_api.errors import ConfigurationError, NotFound, ProviderFailed, WrongCredentials

_BY = system_actor("oidc")
_TIMEOUT_S = 10.0
_LEEWAY_S = 60
# Signed with a key that only the provider has: neither `none`, nor a secret that this service holds as well.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_LONGEST_SUBJECT = 59


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A log-in that was begun; kept by the browser that began it, in a cookie that no script reads."""

    state: str
    nonce: str
    verifier: str

    def packed(self) -> str:
        """As one word."""
        return ".".join((self.state, self.nonce, self.verifier))

    @classmethod
    def unpacked(cls, word: str | None) -> Pending:
        """From what `packed` gave.

        Raises:
            WrongCredentials: It is none: the log-in was begun elsewhere, or too long ago.
        """
        parts = (word or "").split(".")
        if len(parts) != 3 or not all(parts):
            raise WrongCredentials("this log-in was not begun here; begin it again.")
        return cls(state=parts[0], nonce=parts[1], verifier=parts[2])


class OidcDesk:
    """Sends people to the provider, and takes them in as they come back."""

    def __init__(
        self, settings: OidcSettings, secret: str | None, *, accounts: AccountDesk, sessions: SessionDesk
    ) -> None:
        """Join the parts.

        Args:
            settings: Whom to ask, and what its claims mean.
            secret: The client's secret, None for a public client.
            accounts: Where people get accounts as they first come.
            sessions: Where they get sessions.

        Raises:
            ConfigurationError: What the log-in needs is not installed.
        """
        self._settings = settings
        self._secret = secret
        self._accounts = accounts
        self._sessions = sessions
        self._lib = _libraries()
        self._metadata: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """What the log-in page calls it."""
        return self._settings.name

    def begin(self, redirect_uri: str) -> tuple[str, Pending]:
        """Where to send somebody who wants to log in, and what their browser keeps meanwhile.

        Raises:
            ProviderFailed: The provider does not answer.
        """
        pending = Pending(
            state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48)
        )
        with self._client(redirect_uri) as client:
            url, _ = client.create_authorization_url(
                self._address(client, "authorization_endpoint"),
                state=pending.state,
                nonce=pending.nonce,
                code_verifier=pending.verifier,
            )
        return str(url), pending

    def finish(self, pending: Pending, redirect_uri: str, *, code: str, state: str) -> LogIn:
        """Take somebody in who comes back from the provider.

        Raises:
            WrongCredentials: The provider did not vouch for them, they have no role here, or their account is closed.
            ProviderFailed: The provider does not answer.
        """
        if not secrets.compare_digest(state.encode(), pending.state.encode()):
            raise WrongCredentials("this log-in was not begun here; begin it again.")
        claims = self._claims(pending, redirect_uri, code)
        rule = self._settings.role_of(claims)
        if rule is None:
            raise WrongCredentials(f"{self.name} gives this person no role here.")
        return self._sessions.enter(self._settled(claims, rule).account_id)

    def _claims(self, pending: Pending, redirect_uri: str, code: str) -> dict[str, Any]:
        with self._client(redirect_uri) as client:
            endpoint, keys_at = self._address(client, "token_endpoint"), self._address(client, "jwks_uri")
            try:
                token = client.fetch_token(endpoint, code=code, code_verifier=pending.verifier)
            except self._lib.refused as error:
                raise WrongCredentials(f"{self.name} does not accept this log-in.") from error
            except self._lib.http as error:
                raise ProviderFailed(name=self.name, problem=str(error)) from error
            keys = self._json(client, keys_at)
        return self._checked(token, keys, pending.nonce)

    def _checked(self, token: Mapping[str, Any], keys: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        lib, ours = self._lib, self._settings
        registry = lib.jws.JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
        try:
            read = lib.jwt.decode(
                str(token.get("id_token", "")), lib.jwk.KeySet.import_key_set(keys), registry=registry
            )
            claims = lib.core.CodeIDToken(
                read.claims,
                read.header,
                {"iss": {"essential": True, "value": ours.issuer}, "aud": {"essential": True, "value": ours.client_id}},
                {"nonce": nonce, "client_id": ours.client_id, "access_token": token.get("access_token")},
            )
            claims.validate(leeway=_LEEWAY_S)
        except (lib.jose, ValueError) as error:
            raise WrongCredentials(f"what {self.name} says of this person does not hold.") from error
        return dict(claims)

    def _settled(self, claims: Mapping[str, Any], rule: RoleOfClaim) -> Account:
        """The account of somebody the provider knows; made as they first come, and brought to what it says of them."""
        name = _account_name(str(claims["sub"]))
        try:
            kept = self._accounts.one(name)
        except NotFound:
            shown = _shown_name(claims)
            return self._accounts.create(
                name, None, rule.role, rule.department, by=_BY, display_name_zh=shown, display_name_en=shown
            )
        if kept.disabled_at is not None:
            raise WrongCredentials("this account is closed.")
        if (kept.account.role, kept.account.department) != (rule.role, rule.department):
            kept = self._accounts.set_role(name, rule.role, rule.department, by=_BY)
        return kept.account

    def _address(self, client: Any, what: str) -> str:  # noqa: ANN401 - of an optional library
        if self._metadata is None:
            found = self._json(client, self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self._settings.issuer:
                raise ProviderFailed(name=self.name, problem=f"it calls itself {found.get('issuer')!r}")
            self._metadata = found
        address = self._metadata.get(what)
        if not isinstance(address, str):
            raise ProviderFailed(name=self.name, problem=f"it tells no {what}")
        return address

    def _json(self, client: Any, address: str) -> dict[str, Any]:  # noqa: ANN401 - of an optional library
        try:
            answer = client.get(address, withhold_token=True)
            answer.raise_for_status()
            found = answer.json()
        except (self._lib.http, ValueError) as error:
            raise ProviderFailed(name=self.name, problem=str(error)) from error
        if not isinstance(found, dict):
            raise ProviderFailed(name=self.name, problem=f"{address} is no object")
        return found

    def _client(self, redirect_uri: str) -> Any:  # noqa: ANN401 - of an optional library
        return self._lib.client(
            client_id=self._settings.client_id,
            client_secret=self._secret,
            token_endpoint_auth_method="none" if self._secret is None else "client_secret_basic",
            scope=" ".join(self._settings.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            default_timeout=_TIMEOUT_S,
        )


@dataclass(frozen=True, kw_only=True)
class _Libraries:
    client: Any
    core: ModuleType
    jwt: ModuleType
    jwk: ModuleType
    jws: ModuleType
    http: type[Exception]
    refused: type[Exception]
    jose: type[Exception]


def _libraries() -> _Libraries:
    try:
        import requests
        from authlib.common.errors import AuthlibBaseError
        from authlib.integrations.requests_client import OAuth2Session
        from authlib.oidc import core
        from joserfc import jwk, jws, jwt
        from joserfc.errors import JoseError
    except ImportError as error:
        raise ConfigurationError(
            path="this installation",
            place="log-in by OpenID Connect",
            problem=f"{error.name} is not installed",
            remedy="Run `pip install 'flyonce[oidc]'`",
        ) from error
    return _Libraries(
        client=OAuth2Session,
        core=core,
        jwt=jwt,
        jwk=jwk,
        jws=jws,
        http=requests.RequestException,
        refused=AuthlibBaseError,
        jose=JoseError,
    )


def _account_name(subject: str) -> str:
    # A name that the provider gives out again would hand one person's account to the next; a subject never is. With its
    # own beginning it meets no account that was made here.
    plain = len(subject) <= _LONGEST_SUBJECT and subject.isprintable() and subject.strip() == subject
    return f"oidc:{subject if plain else hashlib.sha256(subject.encode()).hexdigest()[:40]}"


def _shown_name(claims: Mapping[str, Any]) -> str | None:
    for claim in ("name", "preferred_username"):
        said = claims.get(claim)
        if isinstance(said, str) and said.strip() and said.isprintable():
            return said[:64]
    return None
