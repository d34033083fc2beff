"""``prompts.lock``: the version and hash of every template, so that no text changes unnoticed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from prompts.templates import FOLDER, Prompt, read

PATH = Path(__file__).parent / "prompts.lock"


def current() -> list[Prompt]:
    """Every template as it is now, by id."""
    return [read(path) for path in sorted(FOLDER.glob("*.md"))]


def locked() -> dict[str, tuple[int, str]]:
    """Version and hash of every template as they were locked."""
    held = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    return {id: (int(entry["version"]), str(entry["hash"])) for id, entry in held.items()}


def stale() -> list[str]:
    """Templates whose text changed while their version did not."""
    held = locked()
    return [
        p.id
        for p in current()
        if p.id in held and held[p.id] == (p.version, held[p.id][1]) and held[p.id][1] != p.hash
    ]


def main() -> int:
    """Write the lock; refuse a changed text under an old version."""
    changed = stale()
    if changed:
        sys.stderr.write(f"raise the version of: {', '.join(changed)}\n")
        return 1
    entries = {p.id: {"version": p.version, "hash": p.hash} for p in current()}
    PATH.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
