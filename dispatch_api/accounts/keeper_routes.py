"""Routes of whoever looks after accounts and keys."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from dispatch_api.accounts.access import open_to
from dispatch_api.accounts.keys import PIPELINE_SCOPES, Key
from dispatch_api.accounts.model import Role, Scope
from dispatch_api.accounts.records import KeptAccount
from dispatch_api.parts import PartsOf, Reader, Writer
from dispatch_api.store.times import iso

router = APIRouter(tags=["accounts"])

Name = Annotated[str, Path(min_length=1, max_length=64)]
_KEEPERS = (Role.ADMIN,)
_WATCHERS = (Role.ADMIN, Role.AUDITOR)


class NewAccount(BaseModel):
    """An account to be made; handlers and leaders name their department."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)
    role: str = Field(max_length=16)
    department: str | None = Field(default=None, max_length=64)
    display_name_zh: str | None = Field(default=None, max_length=64)
    display_name_en: str | None = Field(default=None, max_length=64)


class AccountChange(BaseModel):
    """What is to change of an account, one thing at a time: role with department, password, or closed or not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str | None = Field(default=None, max_length=16)
    department: str | None = Field(default=None, max_length=64)
    password: str | None = Field(default=None, max_length=1024)
    disabled: bool | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> AccountChange:
        if sum(value is not None for value in (self.role, self.password, self.disabled)) != 1:
            raise ValueError("give one of role, password and disabled")
        if self.department is not None and self.role is None:
            raise ValueError("department comes with role")
        return self


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(max_length=64)
    role: str = Field(default=Role.PIPELINE.value, max_length=16)
    scopes: tuple[str, ...] = Field(default=PIPELINE_SCOPES, max_length=len(Scope))
    department: str | None = Field(default=None, max_length=64)
    expires_at: AwareDatetime | None = None


@router.get("/accounts")
@open_to(_WATCHERS)
def accounts(parts: PartsOf, _account: Reader) -> dict[str, Any]:
    """Every account, the closed ones too."""
    return {"items": [account_item(one) for one in parts.accounts.all()]}


@router.post("/accounts", status_code=201)
@open_to(_KEEPERS)
def create_account(parts: PartsOf, account: Writer, wanted: NewAccount) -> dict[str, Any]:
    """Add an account."""
    parts.accounts.create(
        wanted.name,
        wanted.password,
        wanted.role,
        wanted.department,
        by=account.actor,
        display_name_zh=wanted.display_name_zh,
        display_name_en=wanted.display_name_en,
    )
    return account_item(parts.accounts.one(wanted.name))


@router.patch("/accounts/{name}")
@open_to(_KEEPERS)
def change_account(parts: PartsOf, account: Writer, name: Name, wanted: AccountChange) -> dict[str, Any]:
    """Give an account another role or password, close it, or open it again; one's own is for another admin."""
    by = account.actor
    if wanted.role is not None:
        return account_item(parts.accounts.set_role(name, wanted.role, wanted.department, by=by))
    if wanted.password is not None:
        return account_item(parts.accounts.set_password(name, wanted.password, by=by))
    return account_item(parts.accounts.set_disabled(name, disabled=bool(wanted.disabled), by=by))


@router.get("/keys")
@open_to(_WATCHERS)
def keys(parts: PartsOf, _account: Reader) -> dict[str, Any]:
    """Every key without its secret, the revoked ones too."""
    return {"items": [key_item(one) for one in parts.keys.all()]}


@router.post("/keys", status_code=201)
@open_to(_KEEPERS)
def create_key(parts: PartsOf, account: Writer, wanted: NewKey) -> dict[str, Any]:
    """Make a key; `key` is its secret, which is shown here and never again."""
    secret, made = parts.keys.create(
        wanted.name,
        by=account.actor,
        role=wanted.role,
        scopes=wanted.scopes,
        department=wanted.department,
        expires_at=wanted.expires_at,
    )
    return {"key": secret, **key_item(made)}


@router.delete("/keys/{name}")
@open_to(_KEEPERS)
def revoke_key(parts: PartsOf, account: Writer, name: Name) -> dict[str, Any]:
    """Revoke a key: it is refused from now on, and stays in the list."""
    return key_item(parts.keys.revoke(name, by=account.actor))


def account_item(kept: KeptAccount) -> dict[str, Any]:
    """An account as a list shows it."""
    account = kept.account
    return {
        "name": account.name,
        "display_name_zh": account.display_name_zh,
        "display_name_en": account.display_name_en,
        "role": account.role,
        "department": account.department,
        "created_at": iso(kept.created_at),
        "disabled_at": iso(kept.disabled_at),
        "has_password": kept.has_password,
    }


def key_item(key: Key) -> dict[str, Any]:
    """A key as a list shows it: all but its secret."""
    return {
        "name": key.name,
        "role": key.role,
        "department": key.department,
        "scopes": list(key.scopes),
        "created_at": iso(key.created_at),
        "created_by": key.created_by,
        "expires_at": iso(key.expires_at),
        "revoked_at": iso(key.revoked_at),
        "last_used_at": iso(key.last_used_at),
    }
