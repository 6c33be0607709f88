"""XML that somebody else wrote: no document types, no entities, no depths; names without their namespaces."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

# Only types and building: what comes from outside is parsed by defusedxml alone.
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from flightplan.errors import InputFileError

__all__ = ["Element", "child", "children", "parse_markup", "text_of", "written"]

_MOST_ELEMENTS = 300_000
_DEEPEST = 64
_KML_SPACES = ("http://www.opengis.net/kml/", "http://earth.google.com/kml/")
_WPML_SPACE = "dji.com/wpmz/"


def parse_markup(path: Path, data: bytes, place: str = "") -> Element:
    """The root of a document; KML's names stand bare, DJI's with `wpml:`, all others with their namespace.

    Raises:
        InputFileError: It is no XML, has a document type or entities, or more or deeper elements than any mission.
    """
    root: Element | None = None
    depth = count = 0
    try:
        for event, element in iterparse(io.BytesIO(data), events=("start", "end"), forbid_dtd=True):
            if event == "end":
                depth -= 1
                continue
            root = element if root is None else root
            depth, count = depth + 1, count + 1
            element.tag = _plain(element.tag)
            if depth > _DEEPEST or count > _MOST_ELEMENTS:
                raise InputFileError(
                    path=path,
                    place=place,
                    problem="this XML has more elements, or deeper ones, than any mission",
                    remedy="Check where the file comes from",
                )
    except ParseError as error:
        line, column = error.position
        where = f"{place}, line {line}, column {column + 1}" if place else f"line {line}, column {column + 1}"
        raise InputFileError(
            path=path, place=where, problem="this is not XML", remedy="Export it again; it may have been cut off"
        ) from error
    except DefusedXmlException as error:
        raise InputFileError(
            path=path,
            place=place,
            problem="this XML has a document type or entities of its own, which can hide anything",
            remedy="Export it again without them",
        ) from error
    except (ValueError, LookupError) as error:
        # An encoding that Python does not know, or that is none of text.
        raise InputFileError(
            path=path, place=place, problem=f"this XML cannot be decoded ({error})", remedy="Save it as UTF-8"
        ) from error
    assert root is not None, "a document that parses has a root"
    return root


def child(parent: Element, name: str, value: object = None) -> Element:
    """A new last child, with a text where a value is given."""
    made = SubElement(parent, name)
    if value is not None:
        made.text = str(value)
    return made


def written(root: Element) -> str:
    """The document as text, two spaces to a level."""
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def text_of(parent: Element, name: str) -> str | None:
    """The text of the first child of that name; None where there is none."""
    found = next(children(parent, name), None)
    return None if found is None else (found.text or "").strip()


def children(parent: Element, name: str) -> Iterator[Element]:
    """The children of that name."""
    return (one for one in parent if one.tag == name)


def _plain(tag: str) -> str:
    space, _, local = tag.rpartition("}")
    if _WPML_SPACE in space:
        return f"wpml:{local}"
    return local if not space or space[1:].startswith(_KML_SPACES) else tag
