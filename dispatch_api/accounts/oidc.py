"""`OidcDesk`: people log in with the city's own provider, by the code flow with PKCE."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatch_api.accounts.model import Account, provider_account_name, system_actor
from dispatch_api.accounts.oidc_client import LEEWAY_S, Provider
from dispatch_api.accounts.oidc_file import OidcSettings, RoleOfClaim
from dispatch_api.accounts.oidc_logout import OidcExit
from dispatch_api.accounts.service import AccountDesk
from dispatch_api.accounts.sessions import LogIn, SessionDesk
from dispatch_api.errors import NotFound, ProviderFailed, WrongCredentials

_BY = system_actor("oidc")


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
        self._provider = Provider(settings, secret)
        self._accounts = accounts
        self._sessions = sessions
        self.exit = OidcExit(self._provider, sessions)

    @property
    def name(self) -> str:
        """What the log-in page calls it."""
        return self._provider.name

    def begin(self, redirect_uri: str) -> tuple[str, Pending]:
        """Where to send somebody who wants to log in, and what their browser keeps meanwhile.

        Raises:
            ProviderFailed: The provider does not answer.
        """
        pending = Pending(
            state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48)
        )
        with self._provider.client(redirect_uri) as client:
            url, _ = client.create_authorization_url(
                self._provider.address(client, "authorization_endpoint"),
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
        token, claims = self._claims(pending, redirect_uri, code)
        rule = self._settings.role_of(claims)
        if rule is None:
            raise WrongCredentials(f"{self.name} gives this person no role here.")
        at_provider = claims.get("sid")
        return self._sessions.enter(
            self._settled(claims, rule).account_id,
            id_token=str(token["id_token"]),
            provider_session=at_provider if isinstance(at_provider, str) and at_provider else None,
        )

    def _claims(self, pending: Pending, redirect_uri: str, code: str) -> tuple[Mapping[str, Any], dict[str, Any]]:
        provider = self._provider
        with provider.client(redirect_uri) as client:
            endpoint = provider.address(client, "token_endpoint")
            try:
                token = client.fetch_token(endpoint, code=code, code_verifier=pending.verifier)
            except provider.lib.refused as error:
                raise WrongCredentials(f"{self.name} does not accept this log-in.") from error
            except provider.lib.http as error:
                raise ProviderFailed(name=self.name, problem=str(error)) from error
            keys = provider.keys(client)
        return token, self._checked(token, keys, pending.nonce)

    def _checked(self, token: Mapping[str, Any], keys: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        lib, ours = self._provider.lib, self._settings
        read = self._provider.signed(str(token.get("id_token", "")), keys)
        try:
            claims = lib.core.CodeIDToken(
                read.claims,
                read.header,
                {"iss": {"essential": True, "value": ours.issuer}, "aud": {"essential": True, "value": ours.client_id}},
                {"nonce": nonce, "client_id": ours.client_id, "access_token": token.get("access_token")},
            )
            claims.validate(leeway=LEEWAY_S)
        except (lib.jose, ValueError) as error:
            raise self._provider.does_not_hold() from error
        return dict(claims)

    def _settled(self, claims: Mapping[str, Any], rule: RoleOfClaim) -> Account:
        """The account of somebody the provider knows; made as they first come, and brought to what it says of them."""
        name = provider_account_name(str(claims["sub"]))
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


def _shown_name(claims: Mapping[str, Any]) -> str | None:
    for claim in ("name", "preferred_username"):
        said = claims.get(claim)
        if isinstance(said, str) and said.strip() and said.isprintable():
            return said[:64]
    return None
