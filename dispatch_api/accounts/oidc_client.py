"""`Provider`: what the city's own log-in tells of itself, and what it has signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from dispatch_api.accounts.oidc_file import OidcSettings, is_asked_safely
from dispatch_api.errors import ConfigurationError, ProviderFailed, WrongCredentials

LEEWAY_S = 60
_TIMEOUT_S = 10.0
_KEYS_KEPT_S = 10.0
# Signed with a key that only the provider has: neither `none`, nor a secret that this service holds as well.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A token whose signature holds: what stands in it has still to be looked at."""

    header: Mapping[str, Any]
    claims: dict[str, Any]


class Provider:
    """The provider of the city's own log-in, as this service speaks with it."""

    def __init__(self, settings: OidcSettings, secret: str | None) -> None:
        """Join the parts.

        Args:
            settings: Whom to ask.
            secret: The client's secret, None for a public client.

        Raises:
            ConfigurationError: What the log-in needs is not installed.
        """
        self.settings = settings
        self.lib = _libraries()
        self._secret = secret
        self._metadata: Mapping[str, Any] | None = None
        self._keys: tuple[float, Mapping[str, Any]] | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.settings.name

    def client(self, redirect_uri: str | None = None) -> Any:  # noqa: ANN401 - of an optional library
        """A client of OAuth, to be closed."""
        return self.lib.client(
            client_id=self.settings.client_id,
            client_secret=self._secret,
            token_endpoint_auth_method="none" if self._secret is None else "client_secret_basic",
            scope=" ".join(self.settings.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            default_timeout=_TIMEOUT_S,
        )

    def address(self, client: Any, what: str) -> str:  # noqa: ANN401 - of an optional library
        """One of its addresses.

        Raises:
            ProviderFailed: It does not answer, or tells none.
        """
        address = self.offered(client, what)
        if address is None:
            raise ProviderFailed(name=self.name, problem=f"it tells no {what}")
        return address

    def offered(self, client: Any, what: str) -> str | None:  # noqa: ANN401 - of an optional library
        """One of its addresses, None where it tells none, or none that may be asked.

        Raises:
            ProviderFailed: It does not answer, or is another one.
        """
        if self._metadata is None:
            found = self._json(client, self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self.settings.issuer:
                raise ProviderFailed(name=self.name, problem=f"it calls itself {found.get('issuer')!r}")
            self._metadata = found
        address = self._metadata.get(what)
        return address if isinstance(address, str) and is_asked_safely(urlsplit(address)) else None

    def keys(self, client: Any) -> Mapping[str, Any]:  # noqa: ANN401 - of an optional library
        """What its signatures are checked with, asked anew.

        Raises:
            ProviderFailed: It does not answer.
        """
        keys = self._json(client, self.address(client, "jwks_uri"))
        self._keys = monotonic(), keys
        return keys

    def keys_lately(self, client: Any) -> Mapping[str, Any]:  # noqa: ANN401 - of an optional library
        """What its signatures are checked with, asked once in a while, however often strangers make us look.

        Raises:
            ProviderFailed: It does not answer.
        """
        known = self._keys
        return known[1] if known and monotonic() - known[0] < _KEYS_KEPT_S else self.keys(client)

    def signed(self, token: str, keys: Mapping[str, Any]) -> Signed:
        """A token that the provider signed.

        Raises:
            WrongCredentials: It did not.
        """
        lib = self.lib
        registry = lib.jws.JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
        try:
            read = lib.jwt.decode(token, lib.jwk.KeySet.import_key_set(keys), registry=registry)
        except (lib.jose, ValueError) as error:
            raise self.does_not_hold() from error
        if not isinstance(read.claims, dict):
            raise self.does_not_hold()
        return Signed(header=read.header, claims=read.claims)

    def does_not_hold(self) -> WrongCredentials:
        """The refusal of what the provider is said to have signed."""
        return WrongCredentials(f"what {self.name} says of this person does not hold.")

    def _json(self, client: Any, address: str) -> dict[str, Any]:  # noqa: ANN401 - of an optional library
        try:
            answer = client.get(address, withhold_token=True)
            answer.raise_for_status()
            found = answer.json()
        except (self.lib.http, ValueError) as error:
            raise ProviderFailed(name=self.name, problem=str(error)) from error
        if not isinstance(found, dict):
            raise ProviderFailed(name=self.name, problem=f"{address} is no object")
        return found


@dataclass(frozen=True, kw_only=True)
class Libraries:
    """What the optional libraries of log-in bring."""

    client: Any
    core: ModuleType
    jwt: ModuleType
    jwk: ModuleType
    jws: ModuleType
    http: type[Exception]
    refused: type[Exception]
    jose: type[Exception]


def _libraries() -> Libraries:
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
    return Libraries(
        client=OAuth2Session,
        core=core,
        jwt=jwt,
        jwk=jwk,
        jws=jws,
        http=requests.RequestException,
        refused=AuthlibBaseError,
        jose=JoseError,
    )
