"""A month's figures as JSON and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from typing import Any

from sqlalchemy import Connection

from dispatch_api.accounts.model import Account
from dispatch_api.cases.features import matter_name
from dispatch_api.cases.matters import Matters
from dispatch_api.departments.model import Departments
from dispatch_api.figures.counting import count_month
from dispatch_api.figures.model import Figures, Month

_COUNTS = ("dispatched", "closed", "with_deadline", "on_time", "reported", "reworked", "put_off", "recurred")
_RATES = ("closing_rate", "on_time_rate", "rework_rate", "delay_rate", "recurrence_rate")
_HEADS = {
    "month": "月份",
    "department": "部门",
    "department_zh": "部门名称",
    "matter": "事项",
    "matter_zh": "事项名称",
    "dispatched": "派遣数",
    "closed": "结案数",
    "with_deadline": "有时限数",
    "on_time": "按期结案数",
    "reported": "反馈数",
    "reworked": "返工数",
    "put_off": "延期数",
    "recurred": "反复数",
    "suspended_h": "缓办小时",
    "closing_rate": "结案率",
    "on_time_rate": "按期结案率",
    "rework_rate": "返工率",
    "delay_rate": "延期率",
    "recurrence_rate": "反复率",
}


def figures_of(connection: Connection, month: Month, *, account: Account | None, matters: Matters) -> list[Figures]:
    """The lines of a month, as far as an account may see them.

    Args:
        connection: A reading connection.
        month: The month.
        account: Who asks; a department's people get its lines only. None for the command line, which sees all.
        matters: The city's.
    """
    start_at, end_at = month.bounds(matters.calendar.time_zone)
    everything = account is None or account.sees_every_case
    only = None if account is None or everything else account.sees_departments
    return count_month(connection, start_at, end_at, departments=only)


def as_json(lines: Sequence[Figures], month: Month, *, matters: Matters, departments: Departments) -> dict[str, Any]:
    """The lines with names and rates; a rate is None where there is nothing to divide by."""
    return {"month": month.text, "lines": [_item(line, matters, departments) for line in lines]}


def as_csv(lines: Sequence[Figures], month: Month, *, matters: Matters, departments: Departments) -> str:
    """The lines as a table with Chinese heads, ready for a spreadsheet (it begins with a byte order mark)."""
    out = StringIO()
    writer = csv.DictWriter(out, list(_HEADS), extrasaction="ignore")
    writer.writerow(_HEADS)
    for line in lines:
        writer.writerow({"month": month.text, **_item(line, matters, departments)})
    return "\ufeff" + out.getvalue()


def _item(line: Figures, matters: Matters, departments: Departments) -> dict[str, Any]:
    department = None if line.department is None else departments.name_of(line.department)
    matter = None if line.matter is None else matter_name(matters, line.matter)
    return {
        "department": line.department,
        "department_zh": department.zh if department else "全部",
        "department_en": department.en if department else "All",
        "matter": line.matter,
        "matter_zh": matter.zh if matter else "全部",
        "matter_en": matter.en if matter else "All",
        **{name: getattr(line, name) for name in (*_COUNTS, "suspended_h", *_RATES)},
    }
