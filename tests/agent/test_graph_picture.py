"""The picture in the docs shows the graph that is compiled."""

from __future__ import annotations

from scripts.draw_graph import PICTURE, draw


def test_the_picture_is_that_of_the_graph() -> None:
    assert PICTURE.read_text(encoding="utf-8") == draw(), "run python -m scripts.draw_graph"
