"""Settings files in YAML or JSON, read as pydantic tables: what does not fit is refused with file, line and remedy."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from geo.errors import InputFileError

Loc = Sequence[int | str]
"""Keys and numbers that lead to a value."""

Model = TypeVar("Model", bound=BaseModel)
_MOST_BYTES = 8_000_000


class Table(BaseModel):
    """A table without keys that nobody knows, and without numbers that are none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class TableFile:
    """One file, with the line of everything in it.

    Attributes:
        source: Where it came from.
        told: All of it, every value a text as it is written: YAML alone would make 510 of 08:30 and 8 of 010.
    """

    def __init__(
        self, source: Path | Traversable, *, remedy: str, raises: type[InputFileError], most_bytes: int = _MOST_BYTES
    ) -> None:
        """Read a file.

        Args:
            source: YAML or JSON, UTF-8.
            remedy: What to do about whatever does not fit, where nothing better is said.
            raises: What is raised.
            most_bytes: No file of this sort is larger.

        Raises:
            InputFileError: As `raises`: it cannot be read, is no YAML, or has a key twice in one table.
        """
        self.source, self._remedy, self._raises = source, remedy, raises
        self._node = self._composed(most_bytes)
        self._refuse_twice()
        self.told = self._constructed()

    def model(self, table: type[Model], within: Loc = ()) -> Model:
        """The file, or what stands `within` it, as a table.

        Raises:
            InputFileError: As `raises`: it is not of that shape; names the first place where it is not.
        """
        told: object = self.told
        for part in within:
            told = told[part]  # type: ignore[index]  # whoever asks has seen it there
        try:
            return table.model_validate(told)
        except ValidationError as error:
            # A key that is not known is most often the misspelt one that is missing, too.
            first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
            loc = (*within, *first["loc"])
            place = " > ".join(str(part) for part in loc)
            problem = _in_words(first["msg"], first.get("input", told))
            raise self.refusal(loc, f"{place}: {problem}" if place else problem) from error

    def refusal(self, loc: Loc, problem: str, remedy: str = "") -> InputFileError:
        """The error to raise about what stands at `loc`."""
        return self._raises(path=self.source, place=self.line(loc), problem=problem, remedy=remedy or self._remedy)

    def line(self, loc: Loc) -> str:
        """The line of a value, or of the last thing on the way to it that is there; empty for an empty file."""
        node = self._node
        mark = None if node is None else node.start_mark
        for part in loc:
            if isinstance(node, yaml.MappingNode):
                found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
                if found is None:
                    break
                mark, node = found[0].start_mark, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                mark = node.start_mark
            else:
                break
        return "" if mark is None else f"line {mark.line + 1}"

    def _composed(self, most_bytes: int) -> yaml.Node | None:
        try:
            raw = self.source.read_bytes()
            if len(raw) > most_bytes:
                raise self._refused("", "the file is too large for what it should be")
            return yaml.compose(raw.decode("utf-8-sig"), Loader=yaml.SafeLoader)
        except FileNotFoundError as error:
            raise self._refused("", "there is no such file", "Check the path") from error
        except yaml.MarkedYAMLError as error:
            raise self._no_yaml(error) from error
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            raise self._refused("", f"it cannot be read as YAML ({error})") from error

    def _constructed(self) -> object:
        loader = yaml.BaseLoader("")
        try:
            return loader.construct_document(self._node) if self._node is not None else None
        except yaml.MarkedYAMLError as error:
            raise self._no_yaml(error) from error
        except RecursionError as error:
            raise self._refused("", "it is nested too deeply") from error
        finally:
            loader.dispose()

    def _refuse_twice(self) -> None:
        """A key that is given twice in one table would lose one of its values without a word."""
        waiting, seen = [self._node], set()
        while waiting:
            node = waiting.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.SequenceNode):
                waiting += node.value
            elif isinstance(node, yaml.MappingNode):
                known: set[str] = set()
                for key, value in node.value:
                    name = str(key.value)
                    if name in known:
                        place = f"line {key.start_mark.line + 1}"
                        raise self._refused(place, f"the key {name!r:.40} is given twice", "Keep one of them")
                    known.add(name)
                    waiting.append(value)

    def _no_yaml(self, error: yaml.MarkedYAMLError) -> InputFileError:
        place = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}"
        return self._refused(place, f"this is no YAML ({error.problem})")

    def _refused(self, place: str, problem: str, remedy: str = "") -> InputFileError:
        return self._raises(path=self.source, place=place, problem=problem, remedy=remedy or self._remedy)


# pydantic's words for what a file should hold, in those of people who write files.
_SHOULD = {
    "Input should be a valid dictionary": "it should be a table of keys",
    "Input should be a valid integer": "it should be a whole number",
    "Input should be a valid number": "it should be a number",
    "Input should be a valid list": "it should be a list",
    "Input should be a valid tuple": "it should be a list",
}


def _in_words(message: str, told: object) -> str:
    match message:
        case "Field required":
            return "it is missing"
        case "Extra inputs are not permitted":
            return "this key is not known"
    plain = next((words for begins, words in _SHOULD.items() if message.startswith(begins)), None)
    return f"{plain or message.removeprefix('Value error, ').lower()}, not {reprlib.repr(told)}"
