"""The one settings class; built in the command line's `main` and passed down, never read at import."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from vision.engines.names import Engine

_PACKAGE = Path(__file__).resolve().parent


def bundled_models_dir() -> Path:
    """Folder of the models that came with this installation: inside the wheel, or beside a source checkout."""
    inside_wheel = _PACKAGE / "_models"
    return inside_wheel if inside_wheel.is_dir() else _PACKAGE.parent / "models"


class Settings(BaseSettings):
    """Settings of one process; every field can be set by an environment variable `FLYONCE_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="FLYONCE_", extra="ignore")

    store: str = Field(default="sqlite:///flyonce.db", description="SQLAlchemy URL of the store")
    models_dir: Path = Field(
        default_factory=bundled_models_dir, description="folder with <name>/model.onnx + card.yaml"
    )
    workers: int = Field(default=2, ge=1, le=64, description="detector threads; each runs one-thread sessions")
    engine: Engine = Field(default="auto", description="what runs the models; see vision.engines")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
