"""GeoReport v2's XML answers as RELAX NG (compact ideas, XML syntax), written from the standard's field tables."""

from __future__ import annotations

from lxml import etree

_OPEN = '<grammar xmlns="http://relaxng.org/ns/structure/1.0" datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes"><start>'
_TEXT = "<text/>"
_NAMED = '<data type="string"><param name="minLength">1</param></data>'
_TIME = '<data type="dateTime"><param name="pattern">.*(Z|[+-][0-9:]+)</param></data>'


def _one(name: str, inside: str) -> str:
    return f'<element name="{name}">{inside}</element>'


def _empty_or(inside: str) -> str:
    return f"<choice><empty/>{inside}</choice>"


def _fields(**fields: str) -> str:
    return "<interleave>" + "".join(_one(name, inside) for name, inside in fields.items()) + "</interleave>"


def _choice(*words: str) -> str:
    return "<choice>" + "".join(f"<value>{word}</value>" for word in words) + "</choice>"


_SERVICE = _fields(
    service_code=_NAMED, service_name=_NAMED, description=_TEXT, metadata=_choice("true", "false"),
    type=_choice("realtime", "batch", "blackbox"), keywords=_TEXT, group=_TEXT,
)  # fmt: skip
_REQUEST = _fields(
    service_request_id=_NAMED, status=_choice("open", "closed"), status_notes=_TEXT, service_name=_NAMED,
    service_code=_NAMED, description=_TEXT, agency_responsible=_TEXT, service_notice=_TEXT, requested_datetime=_TIME,
    updated_datetime=_TIME, expected_datetime=_empty_or(_TIME), address=_TEXT, address_id=_TEXT, zipcode=_TEXT,
    lat=_empty_or('<data type="double"/>'), long=_empty_or('<data type="double"/>'), media_url=_TEXT,
)  # fmt: skip
_MADE = _fields(service_request_id=_NAMED, service_notice=_TEXT, account_id=_TEXT)
_TOKEN = _fields(service_request_id=_NAMED, token=_NAMED)
_ERROR = _fields(code='<data type="integer"/>', description=_NAMED)


def _many(plural: str, singular: str, inside: str, *, at_least: str = "oneOrMore") -> str:
    return _one(plural, f"<{at_least}>{_one(singular, inside)}</{at_least}>")


_SCHEMAS = {
    "services": _many("services", "service", _SERVICE),
    "service_definition": _one("service_definition", _fields(service_code=_NAMED, attributes="<empty/>")),
    "service_requests": _many("service_requests", "request", _REQUEST, at_least="zeroOrMore"),
    "one": _one("service_requests", _one("request", _REQUEST)),
    "made": _one("service_requests", _one("request", _MADE)),
    "token": _one("service_requests", _one("request", _TOKEN)),
    "errors": _many("errors", "error", _ERROR),
}


def schema_of(name: str) -> etree.RelaxNG:
    """The schema of one kind of answer."""
    return etree.RelaxNG(etree.fromstring(f"{_OPEN}{_SCHEMAS[name]}</start></grammar>"))
