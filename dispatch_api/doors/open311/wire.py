"""How GeoReport v2 writes its answers: the same content as JSON and as XML, and errors in the standard's shape."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from xml.etree import ElementTree

from fastapi import Request
from fastapi.responses import Response

from dispatch_api.described import ErrorShape
from dispatch_api.problems import Refusal

Form = Literal["json", "xml"]
Item = Mapping[str, Any]

PREFIX = "/open311/v2"
_TYPES: dict[str, str] = {"json": "application/json; charset=utf-8", "xml": "application/xml; charset=utf-8"}
# What XML 1.0 cannot hold, however it is escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNLIKE = {422: 400, 401: 403}

ERROR_SCHEMA: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["code", "description"],
        "properties": {"code": {"type": "integer"}, "description": {"type": "string"}},
    },
}
ERRORS = ErrorShape(
    content={
        "application/json": {"schema": {"$ref": "#/components/schemas/GeoReportErrors"}},
        "application/xml": {"schema": {"type": "string"}},
    },
    invalid=400,
    schemas={"GeoReportErrors": ERROR_SCHEMA},
)


def written(form: Form, plural: str, singular: str, items: Sequence[Item], *, status: int = 200) -> Response:
    """A list, as `[{…}]` or `<plural><singular>…</singular></plural>`."""
    if form == "json":
        return _answer(form, json.dumps(items, ensure_ascii=False).encode(), status)
    root = ElementTree.Element(plural)
    for item in items:
        _fill(ElementTree.SubElement(root, singular), item)
    return _answer(form, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True), status)


def written_one(form: Form, name: str, item: Item) -> Response:
    """One thing, as `{…}` or `<name>…</name>`."""
    if form == "json":
        return _answer(form, json.dumps(item, ensure_ascii=False).encode(), 200)
    root = ElementTree.Element(name)
    _fill(root, item)
    return _answer(form, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True), 200)


def georeport_error(request: Request, refusal: Refusal) -> Response:
    """A refusal as the standard wants it; what lacks something is 400 there, and a missing or wrong key 403."""
    status = _UNLIKE.get(refusal.status, refusal.status)
    form: Form = "xml" if request.url.path.endswith(".xml") else "json"
    items = [{"code": status, "description": _NOT_XML.sub("\ufffd", refusal.detail)}]
    answer = written(form, "errors", "error", items, status=status)
    answer.headers.update(refusal.headers)
    return answer


def _fill(element: ElementTree.Element, item: Item) -> None:
    for name, value in item.items():
        child = ElementTree.SubElement(element, name)
        if isinstance(value, bool):
            child.text = str(value).lower()
        elif value is not None and not isinstance(value, (list, tuple)):
            child.text = _NOT_XML.sub("\ufffd", str(value))


def _answer(form: Form, content: bytes, status: int) -> Response:
    return Response(content, status, media_type=_TYPES[form], headers={"Cache-Control": "no-store"})
