"""Writes ``service/openapi.json``, what the service answers, for those who build upon it.

``python -m scripts.write_openapi --check`` only says whether it is up to date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from service.app import api
from service.auth import Gate

PATH = Path(__file__).resolve().parent.parent / "service" / "openapi.json"


def document() -> str:
    """The OpenAPI document as it is kept; the version of the code is left out of it."""
    nobody: Any = None
    found = api(nobody, Gate()).openapi()
    found["info"]["version"] = "1"
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write or check."""
    if "--check" in sys.argv[1:]:
        if PATH.read_text(encoding="utf-8") != document():
            raise SystemExit("service/openapi.json is out of date: python -m scripts.write_openapi")
        return
    PATH.write_text(document(), encoding="utf-8")
    print(PATH)


if __name__ == "__main__":
    main()
