"""The demo's accounts: passwords are fixed and shown, because the demo's store holds nothing but the demo."""

from __future__ import annotations

from argon2 import PasswordHasher

from dispatch_api.accounts.model import Role
from dispatch_api.accounts.passwords import Passwords
from dispatch_api.accounts.service import create_account
from dispatch_api.departments.model import CENTRE, Departments
from dispatch_api.parts import DemoAccount
from dispatch_api.store import Store

DEMO_PASSWORD = "flyonce-demo"


def demo_accounts(departments: Departments) -> tuple[DemoAccount, ...]:
    """One account for each role that is nobody's department, and a leader for each department, named by its key."""
    people = [
        _account("operator", Role.OPERATOR, "飞手", "Drone operator"),
        _account("auditor", Role.AUDITOR, "审计", "Auditor"),
        _account("admin", Role.ADMIN, "系统管理员", "Administrator"),
    ]
    for key, department in departments.by_key.items():
        role = Role.CENTRE if key == CENTRE else Role.LEADER
        people.append(_account(key, role, department.name.zh, department.name.en))
    return tuple(people)


def create_demo_accounts(store: Store, accounts: tuple[DemoAccount, ...]) -> None:
    """Adds the accounts to the demo's store."""
    passwords = demo_passwords()
    for account in accounts:
        create_account(
            store,
            account.name,
            account.password,
            account.role,
            account.name if account.role == Role.LEADER else None,
            display_name_zh=account.display_name_zh,
            display_name_en=account.display_name_en,
            passwords=passwords,
        )


def demo_passwords() -> Passwords:
    """Quick hashes: the passwords are public, so costly ones would protect nothing and take seconds."""
    return Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))


def _account(name: str, role: Role, zh: str, en: str) -> DemoAccount:
    return DemoAccount(
        name=name,
        password=DEMO_PASSWORD,
        role=role,
        display_name_zh=zh if zh.endswith("（演示）") else f"{zh}（演示）",
        display_name_en=en if en.endswith("(demo)") else f"{en} (demo)",
    )
