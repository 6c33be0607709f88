"""The one settings class; built in the command line's `main` and passed down, never read at import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from vision.engines.names import Engine

_PACKAGE = Path(__file__).resolve().parent


def bundled_models_dir() -> Path:
    """Folder of the models that came with this installation: inside the wheel, or beside a source checkout."""
    inside_wheel = _PACKAGE / "_models"
    return inside_wheel if inside_wheel.is_dir() else _PACKAGE.parent / "models"


class SettingsError(Exception):
    """A setting from the environment cannot be used: names the variable and what it may be."""

    def __init__(self, *, variable: str, problem: str) -> None:
        self.variable = variable
        super().__init__(f"{variable}: {problem}; set it anew, or unset it for the default")


class Settings(BaseSettings):
    """Settings of one process; every field can be set by an environment variable `FLYONCE_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="FLYONCE_", extra="ignore")

    store: str = Field(
        default="sqlite:///flyonce.db",
        description="URL of the store: sqlite:///city.db, or postgresql://name@host/city?files=/folder",
    )
    models_dir: Path = Field(
        default_factory=bundled_models_dir, description="folder with <name>/model.onnx + card.yaml"
    )
    workers: int = Field(default=2, ge=1, le=64, description="detector threads; each runs one-thread sessions")
    engine: Engine = Field(default="auto", description="what runs the models; see vision.engines")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str | None = Field(default=None, description="where people reach the console, for links in messages")
    delivery_networks: str = Field(
        default="", description="private networks that messages may go to, like 10.20.0.0/16,fd00:1::/32"
    )
    event_prefix: str | None = Field(default=None, description="reverse domain before each message's type")
    event_source: str | None = Field(default=None, description="CloudEvents source of this city's messages")
    mail_url: str | None = Field(
        default=None, repr=False, description="mail server, like smtps://user:password@mail.example?from=a@example"
    )

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - pydantic's own signature
        """Read the environment.

        Raises:
            SettingsError: A value is not what its setting takes.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            variable = f"FLYONCE_{str(first['loc'][0]).upper()}"
            raise SettingsError(variable=variable, problem=f"{first['msg']}, not {first['input']!r}") from error
