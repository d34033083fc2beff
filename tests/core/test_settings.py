from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InvalidSetting
from core.settings import load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "DATABASE_URL", "DEVICE", "DTYPE", "THREADS", "INDEX_BUDGET_MB"):
        monkeypatch.delenv(f"NEUROSCRIBE_{name}", raising=False)


def test_everything_lies_under_one_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEUROSCRIBE_HOME", str(tmp_path))
    settings = load_settings()
    assert settings.home == tmp_path
    assert settings.database == f"sqlite:///{tmp_path}/neuroscribe.db"


def test_a_tilde_is_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSCRIBE_HOME", "~/findings")
    assert load_settings().home == Path.home() / "findings"


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSCRIBE_HOME", "")
    monkeypatch.setenv("NEUROSCRIBE_THREADS", "")
    settings = load_settings()
    assert settings.home == Path.home() / ".neuroscribe"
    assert settings.threads == 0


def test_another_database_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSCRIBE_DATABASE_URL", "postgresql://host/base")
    assert load_settings().database == "postgresql://host/base"


@pytest.mark.parametrize(
    ("name", "value"),
    [("THREADS", "-1"), ("THREADS", "many"), ("DEVICE", "tpu"), ("INDEX_BUDGET_MB", "0")],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"NEUROSCRIBE_{name}", value)
    with pytest.raises(InvalidSetting, match=f"NEUROSCRIBE_{name}='{value}'"):
        load_settings()
