"""Reading configuration files: every mistake is named with file, place and remedy."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from dispatch_api.errors import ConfigurationError

M = TypeVar("M", bound=BaseModel)

_Loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C, where PyYAML was built with it, reads ten times as fast; a service reads five files as it starts."""


class ConfigurationModel(BaseModel):
    """Base of the models that describe a configuration file: unknown names are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Name(ConfigurationModel):
    """A name for people, in Chinese and English."""

    zh: str
    en: str


def default_file(name: str) -> Traversable:
    """One of the configuration files that come with the package."""
    return files("dispatch_api").joinpath("defaults", name)


def read_model(model: type[M], path: Path | None, *, default: str) -> tuple[M, str]:
    """Read a YAML file into `model`.

    Args:
        model: The pydantic model of the whole file.
        path: The file; None for the default that comes with the package.
        default: Name of that default.

    Returns:
        The model, and the file's name for messages.

    Raises:
        ConfigurationError: The file is missing, is not YAML, or does not fit the model.
    """
    source: Path | Traversable = default_file(default) if path is None else path
    raw = _read_yaml(source, default)
    try:
        return model.model_validate(raw), str(source)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(
            path=source,
            place=_place(raw, first["loc"]),
            problem=first["msg"],
            remedy=f"Compare with the default dispatch_api/defaults/{default}",
        ) from error


def _read_yaml(source: Path | Traversable, default: str) -> Any:  # noqa: ANN401 - whatever the file holds
    try:
        return yaml.load(source.read_text(encoding="utf-8"), Loader=_Loader)  # both are safe
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(
            path=source,
            place="whole file",
            problem=f"cannot be read as YAML ({' '.join(str(error).split())})",
            remedy=f"Compare with the default dispatch_api/defaults/{default}",
        ) from error


def _place(raw: Any, location: tuple[int | str, ...]) -> str:  # noqa: ANN401 - whatever the file holds
    words: list[str] = []
    here = raw
    for step in location:
        here = _inside(here, step)
        name = next((here[key] for key in ("key", "id") if isinstance(here, dict) and key in here), None)
        words.append(f"{step} ({name})" if name else str(step))
    return " > ".join(words) or "whole file"


def _inside(container: Any, step: int | str) -> Any:  # noqa: ANN401 - whatever the file holds
    if isinstance(container, list):
        return container[step] if isinstance(step, int) and step < len(container) else None
    return container.get(step) if isinstance(container, dict) else None
