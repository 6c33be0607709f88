"""`OidcExit`: who logs out here is logged out at the provider, and who logs out there is logged out here.

OpenID Connect RP-Initiated Logout 1.0 and Back-Channel Logout 1.0, each where the provider offers it.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from dispatch_api.accounts.oidc_client import LEEWAY_S, Provider, Signed
from dispatch_api.accounts.sessions import SessionDesk
from dispatch_api.errors import ProviderFailed, WrongCredentials

LOGGED_OUT = "http://schemas.openid.net/event/backchannel-logout"
# Longer addresses are cut or refused on the way.
_LONGEST_ADDRESS = 6_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WayOut:
    """Where a browser goes to log out at the provider, and the word with which it comes back."""

    url: str
    state: str


class OidcExit:
    """Ends sessions here and there."""

    def __init__(self, provider: Provider, sessions: SessionDesk) -> None:
        self._provider = provider
        self._sessions = sessions

    def way_out(self, id_token: str, return_to: str) -> WayOut | None:
        """Where to send somebody whose session here has ended.

        Args:
            id_token: What the provider said of them as they came.
            return_to: Where it sends them afterwards; registered there as a `post_logout_redirect_uri`.

        Returns:
            The way; None where the provider offers none, or does not answer: they are logged out here in any case.
        """
        try:
            with self._provider.client() as client:
                end = self._provider.offered(client, "end_session_endpoint")
        except ProviderFailed as error:
            _log.warning("logged out here only: %s", error)
            return None
        if end is None:
            return None
        state = secrets.token_urlsafe(24)
        asked = {
            "client_id": self._provider.settings.client_id,
            "post_logout_redirect_uri": return_to,
            "state": state,
        }
        url = _with(end, {"id_token_hint": id_token, **asked})
        # Without the hint the provider asks the person, which is more than nothing.
        return WayOut(url=url if len(url) <= _LONGEST_ADDRESS else _with(end, asked), state=state)

    def told_by_provider(self, logout_token: str) -> int:
        """End the sessions that the provider has ended.

        Returns:
            How many.

        Raises:
            WrongCredentials: The provider did not say so.
            ProviderFailed: It cannot be asked for its keys.
        """
        with self._provider.client() as client:
            keys = self._provider.keys_lately(client)
        claims = self._checked(self._provider.signed(logout_token, keys))
        return self._sessions.end_at_provider(subject=claims.get("sub"), provider_session=claims.get("sid"))

    def _checked(self, token: Signed) -> dict[str, Any]:
        lib, ours, claims = self._provider.lib, self._provider.settings, token.claims
        registry = lib.jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": ours.issuer},
            aud={"essential": True, "value": ours.client_id},
            iat={"essential": True},
            exp={"essential": True},
            jti={"essential": True},
        )
        try:
            registry.validate(claims)
        except (lib.jose, ValueError) as error:
            raise self._provider.does_not_hold() from error
        if not _is_logout(claims) or token.header.get("typ", "logout+jwt").lower() not in {"logout+jwt", "jwt"}:
            raise WrongCredentials("this is no token for logging out.")
        return claims


def _is_logout(claims: Mapping[str, Any]) -> bool:
    # A token for logging in carries a nonce: it must never do as one for logging out, nor the other way round.
    events = claims.get("events")
    named = [claims[name] for name in ("sub", "sid") if name in claims]
    told = isinstance(events, Mapping) and isinstance(events.get(LOGGED_OUT), Mapping)
    return told and "nonce" not in claims and bool(named) and all(isinstance(one, str) and one for one in named)


def _with(address: str, asked: Mapping[str, str]) -> str:
    parts = urlsplit(address)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *asked.items()]
    return urlunsplit(parts._replace(query=urlencode(query), fragment=""))
