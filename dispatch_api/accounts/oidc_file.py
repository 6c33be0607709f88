"""The city's own log-in (OpenID Connect) as configuration: whom to ask, and what its claims make of somebody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from dispatch_api.accounts.model import DEPARTMENT_ROLES, PEOPLE_ROLES, Role
from dispatch_api.configuration import ConfigurationModel
from dispatch_api.errors import ConfigurationError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_asked_safely(address: SplitResult) -> bool:
    """Whether nobody on the way can answer in another's place: over https, or on this machine itself."""
    return address.scheme == "https" or (address.scheme == "http" and address.hostname in _LOOPBACK)


class RoleOfClaim(ConfigurationModel):
    """The role of whoever has a value in the claim of roles; the first that fits counts."""

    value: str = Field(min_length=1)
    role: Role
    department: str | None = None

    @model_validator(mode="after")
    def _is_a_persons(self) -> RoleOfClaim:
        if self.role not in PEOPLE_ROLES:
            raise ValueError("a person's role, not a machine's")
        if (self.role in DEPARTMENT_ROLES) != (self.department is not None):
            raise ValueError("handlers and leaders name a department, and no other role does")
        return self


class OidcSettings(ConfigurationModel):
    """Whom to ask who somebody is.

    Attributes:
        issuer: Address of the provider, exactly as its tokens name it; https, but for this machine itself.
        client_id: The name under which the provider knows this service.
        client_secret_file: File of the secret, beside this one or absolute; None for a public client.
        scopes: What is asked for.
        role_claim: The claim whose values give roles; a path with dots reaches into objects.
        roles: What its values mean.
        name: What the button of the log-in page says.
    """

    issuer: str
    client_id: str = Field(min_length=1)
    client_secret_file: Path | None = None
    scopes: tuple[str, ...] = ("openid", "profile")
    role_claim: str = "groups"
    roles: tuple[RoleOfClaim, ...] = Field(min_length=1)
    name: str = "OIDC"

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, issuer: str) -> str:
        if not is_asked_safely(urlsplit(issuer)):
            raise ValueError("an issuer is asked over https")
        return issuer

    @field_validator("scopes")
    @classmethod
    def _asks_who(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("`openid` is needed")
        return scopes

    def role_of(self, claims: Mapping[str, Any]) -> RoleOfClaim | None:
        """What somebody with these claims is here, None for nobody."""
        found: Any = claims
        for step in self.role_claim.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        values = {found} if isinstance(found, str) else {one for one in found or () if isinstance(one, str)}
        return next((rule for rule in self.roles if rule.value in values), None)


def load_oidc(path: Path, *, departments: Collection[str]) -> tuple[OidcSettings, str | None]:
    """Read the settings and the client's secret.

    Raises:
        ConfigurationError: The file, or that of the secret, cannot be used.
    """

    def refuse(place: str, problem: str) -> ConfigurationError:
        return ConfigurationError(path=path, place=place, problem=problem, remedy="Compare with docs/people.md")

    try:
        settings = OidcSettings.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        raise refuse(" > ".join(map(str, first["loc"])) or "the file", first["msg"]) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise refuse("the file", f"it cannot be read ({error})") from error
    unknown = next((rule for rule in settings.roles if rule.department and rule.department not in departments), None)
    if unknown is not None:
        raise refuse(f"roles > {unknown.value}", f"there is no department {unknown.department!r}")
    if settings.client_secret_file is None:
        return settings, None
    try:
        return settings, (path.parent / settings.client_secret_file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise refuse("client_secret_file", f"it cannot be read ({error})") from error
