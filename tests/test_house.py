"""The house stays in order: what is packaged, how long files are, where links lead."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "agent",
    "core",
    "discovery",
    "llms",
    "neuroscribe",
    "prompts",
    "scoring",
    "service",
    "storage",
    "subjects",
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SOURCES = sorted(
    path
    for top in (*PACKAGES, "benchmarks", "scripts", "tests")
    for path in (ROOT / top).rglob("*.py")
)


def test_every_package_is_in_the_wheel() -> None:
    on_disk = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in PACKAGES
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == on_disk


def test_every_module_lies_in_a_package() -> None:
    loose = [p for p in SOURCES if p.parts[len(ROOT.parts)] in PACKAGES]
    assert [str(p) for p in loose if not (p.parent / "__init__.py").exists()] == []


def test_files_hold_one_idea() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCES
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 420
    }
    assert long == {}


def test_contracts_and_types_cover_every_package() -> None:
    assert set(PROJECT["tool"]["mypy"]["packages"]) >= set(PACKAGES)
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == set(PACKAGES)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(
    str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").glob("*.md"))
)])  # fmt: skip
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_readme_tree_is_the_real_one() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = re.search(r"```\n(core/.*?)```", text, re.DOTALL)
    assert tree is not None
    named = re.findall(r"^([a-z]+)/", tree[1], re.MULTILINE)
    assert [name for name in named if not (ROOT / name).is_dir()] == []
    assert set(PACKAGES) <= set(named)


def test_constraints_are_plain_pins() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][\w.]*", line), line


def test_the_container_holds_every_package() -> None:
    copied = re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert tuple(sorted(copied)) == PACKAGES
