"""Case fields of GB/T 47678.5, from a public transcription that could not be compared with the standard itself.

What the city did not configure is named in `missing`, never made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from sqlalchemy import Connection, select

from dispatch_api.accounts.model import Account
from dispatch_api.accounts.sight import visible_tasks
from dispatch_api.cases.features import matter_name
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.opening import surest
from dispatch_api.cases.records import CaseRow
from dispatch_api.departments.facts import ZoneFact
from dispatch_api.departments.routing import Routing
from dispatch_api.store.schema import task
from dispatch_api.tasks.model import GONE_STATES, TaskKind

NOTICE = "GB/T 47678.5-2026, unverified transcription 未与标准原文核对; CGCS2000 (EPSG:4490)"
FIELDS = ("SXDM", "SXMC", "ZGBMDM", "ZGBMMC", "SFWZ", "SZDYWGBSM", "X", "Y", "AJBH", "missing")
"""Matter code, matter, department code, department, place, grid, longitude, latitude, case number, what is missing."""

_LONGEST_PLACE = 256
_DIVISION = re.compile(r"\d{6}")
_GRID = re.compile(r"\d{15}")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def gbt_record(row: CaseRow, lead: str | None, *, matters: Matters, routing: Routing) -> dict[str, Any]:
    """One case in the standard's fields.

    WGS 84 and CGCS2000 agree to some decimetres, far below the error of any place here, so numbers go over as they are.

    Args:
        row: The case.
        lead: Key of the department that leads, None where nobody does yet.
        matters: For codes and names.
        routing: For departments.
    """
    matter = matters.by_key.get(row.matter)
    division = _division(row)
    department = routing.departments.by_key.get(lead) if lead else None
    code = department.code if department else None
    grid = row.grid_code if row.grid_code and _GRID.fullmatch(row.grid_code) else None
    lacking = {
        "SXDM: the case lies in no district with a code of 6 digits": division is None,
        "SXDM: the matter is no longer configured": matter is None,
        "SXDM: the matter's code is a local extension": matter is not None and matter.local_extension,
        "ZGBMDM: no department leads yet": lead is None,
        "ZGBMDM: departments.yaml gives the department no `code`": lead is not None and code is None,
        "SFWZ: the case has no address": not row.address,
        "SFWZ: cut off after 256 characters": len(row.address or "") > _LONGEST_PLACE,
        "SZDYWGBSM: the case's grid has no code of 15 digits": grid is None,
    }
    return {
        "SXDM": division + matter.code if division and matter else None,
        "SXMC": matter_name(matters, row.matter).zh,
        "ZGBMDM": code,
        "ZGBMMC": routing.departments.name_of(lead).zh if lead else None,
        "SFWZ": row.address[:_LONGEST_PLACE] if row.address else None,
        "SZDYWGBSM": grid,
        "X": round(row.lon, 8),
        "Y": round(row.lat, 8),
        "AJBH": row.number,
        "missing": [text for text, holds in lacking.items() if holds],
    }


def leads_of(connection: Connection, rows: list[CaseRow], account: Account) -> dict[str, str]:
    """The department that leads each case, of the tasks that somebody may see."""
    query = (
        select(task.c.case_id, task.c.department)
        .where(task.c.case_id.in_([row.case_id for row in rows]), task.c.kind == TaskKind.LEAD)
        .where(task.c.state.not_in(GONE_STATES), visible_tasks(account))
        .order_by(task.c.task_id)
    )
    return {row.case_id: row.department for row in connection.execute(query)}


def as_xml(records: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    """The records as one XML document, piece by piece."""
    yield f'<?xml version="1.0" encoding="utf-8"?>\n<cases notice="{NOTICE}">\n'.encode()
    for record in records:
        element = ElementTree.Element("case")
        for name in FIELDS[:-1]:
            if record[name] is not None:
                ElementTree.SubElement(element, name).text = _NOT_XML.sub("\ufffd", str(record[name]))
        for text in record["missing"]:
            ElementTree.SubElement(element, "missing").text = text
        yield ElementTree.tostring(element, encoding="utf-8") + b"\n"
    yield b"</cases>\n"


def _division(row: CaseRow) -> str | None:
    district = surest([ZoneFact.from_json(raw) for raw in row.zones], "district")
    return district.code if district and _DIVISION.fullmatch(district.code) else None
