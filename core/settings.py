"""Settings, read from the environment (``NEUROSCRIBE_*``) once, by whoever composes the product."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import InvalidSetting


class Settings(BaseSettings):
    """Where things are kept and how much of the machine may be used.

    ``home`` holds indexes and the database (``~`` is expanded); ``threads`` 0 leaves torch's own
    choice. A variable that is set to nothing counts as not set. ``ray_address`` is the cluster that
    engine ``ray`` uses (none: this machine).

    ``llm_*``: how many requests at once, seconds to wait for an answer, tries, the first wait
    between tries, and as JSON what models can do (``{"openai:m@http://host/v1": ["chat"]}``) and
    arguments of the engine in process. ``prices`` is a file like ``llms/prices.json``.
    ``job_lease`` is for how many seconds the units of a dead worker wait for another.

    ``service_*``: language models that may be named over HTTP (none by default: a name may hold the
    address of a server, which would be sent our key), how many jobs at once, how many requests
    for one subject are answered together, and how many may wait for it. ``service_subjects`` are
    models of the Hugging Face hub (``org/model`` or ``org/model@revision``) that may be registered
    over HTTP, ``service_memory`` what all loaded subjects may take (``8GiB``; default: 80 % of the
    device's memory). ``service_embedder`` is the only one that compares meanings over HTTP (none
    by default), and the first choice of ``search``.
    """

    model_config = SettingsConfigDict(
        env_prefix="NEUROSCRIBE_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    home: Path = Field(default_factory=lambda: Path.home() / ".neuroscribe")
    database_url: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    threads: int = Field(default=0, ge=0)
    index_budget_mb: int = Field(default=2048, ge=1)
    ray_address: str | None = None
    llm_concurrency: int = Field(default=16, ge=1, le=1024)
    llm_timeout: float = Field(default=120.0, gt=0)
    llm_attempts: int = Field(default=6, ge=1)
    llm_first_wait: float = Field(default=1.0, ge=0)
    llm_capabilities: dict[str, list[str]] = Field(default_factory=dict)
    llm_engine: dict[str, str | int | float | bool] = Field(default_factory=dict)
    prices: Path | None = None
    job_lease: float = Field(default=20.0, gt=0)
    service_models: list[str] = Field(default_factory=list)
    service_subjects: list[str] = Field(default_factory=list)
    service_memory: ByteSize | None = Field(default=None, gt=0)
    service_jobs: int = Field(default=3, ge=1, le=64)
    service_batch: int = Field(default=64, ge=1, le=1024)
    service_queue: int = Field(default=64, ge=1, le=100_000)
    service_embedder: str | None = None

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()

    @property
    def checkpoints(self) -> str:
        """Where investigations under way are kept: PostgreSQL if the store is, else a file."""
        if self.database_url and self.database_url.startswith("postgresql"):
            return self.database_url
        return str(self.home / "checkpoints.db")

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the store (SQLite under ``home`` unless one is set)."""
        return self.database_url or f"sqlite:///{self.home / 'neuroscribe.db'}"


def load_settings() -> Settings:
    """The settings of this process; :class:`InvalidSetting` names the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "NEUROSCRIBE_" + "_".join(str(part) for part in first["loc"]).upper()
        raise InvalidSetting(
            f"{name}={first.get('input')!r}: {first['msg']}", "unset it or give a valid value"
        ) from None
