"""Draws the investigation graph as it is compiled: ``python -m scripts.draw_graph`` writes the SVG.

Places are chosen by hand, nodes and edges are read from the graph, so the picture cannot say what
the code does not do; a test compares the two.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "agent-graph.svg"
WIDTH, HEIGHT = 900, 610
BOX = (170, 44)
PLACES = {
    "__start__": (170, 40),
    "propose": (170, 120),
    "choose": (170, 230),
    "design": (460, 180),
    "experiment": (730, 180),
    "revise": (460, 280),
    "divide": (170, 340),
    "resample": (460, 390),
    "next_side": (170, 450),
    "publish": (170, 540),
    "__end__": (460, 540),
}
SAID = {
    "__start__": ("evidence", "excerpts in three splits"),
    "propose": ("propose", "hypotheses from explain"),
    "choose": ("choose", "rank them on select"),
    "design": ("design", "tests that could fail"),
    "experiment": ("experiment", "run on the model, judge"),
    "revise": ("revise", "with what came out"),
    "divide": ("divide", "several meanings?"),
    "resample": ("resample", "arm at equal cost"),
    "next_side": ("next side", "negative, if there is one"),
    "publish": ("publish", "open report once, score"),
    "__end__": ("verdict", "scores, arms, steps"),
}
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1b1f24; }
.small { font-size: 11.5px; fill: #57606a; }
rect { fill: #f6f8fa; stroke: #8c959f; rx: 8; }
.end rect { fill: #ddf4ff; stroke: #54aeff; }
path { fill: none; stroke: #57606a; stroke-width: 1.4; }
.maybe { stroke-dasharray: 5 4; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .small { fill: #9198a1; }
  rect { fill: #161b22; stroke: #6e7681; } .end rect { fill: #0d2d4d; stroke: #388bfd; }
  path { stroke: #9198a1; } .bg { fill: #0d1117; }
}
.bg { fill: #ffffff; stroke: none; rx: 0; }
@media (prefers-color-scheme: dark) { .bg { fill: #0d1117; } }
"""


def draw() -> str:
    """The picture as SVG text."""
    from agent.graph import build

    drawn = build().get_graph()
    if set(drawn.nodes) != set(PLACES):
        raise SystemExit(f"give these nodes a place: {sorted(set(drawn.nodes) ^ set(PLACES))}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="The investigation of one unit as a graph">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M1 1L7 4L1 7"/></marker></defs>',
        f'<rect class="bg" width="{WIDTH}" height="{HEIGHT}"/>',
    ]
    for edge in sorted(drawn.edges, key=lambda e: (e.source, e.target)):
        kind = ' class="maybe"' if edge.conditional else ""
        route = _route(edge.source, edge.target)
        parts.append(f'<path{kind} d="{route}" marker-end="url(#tip)"/>')
    for name, (x, y) in PLACES.items():
        title, small = SAID[name]
        kind = ' class="end"' if name.startswith("__") else ""
        left, top = x - BOX[0] / 2, y - BOX[1] / 2
        parts.append(
            f'<g{kind}><rect x="{left:g}" y="{top:g}" width="{BOX[0]}" height="{BOX[1]}"/>'
            f'<text x="{x}" y="{y - 3}" text-anchor="middle">{escape(title)}</text>'
            f'<text x="{x}" y="{y + 14}" text-anchor="middle" class="small">{escape(small)}</text>'
            "</g>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _route(source: str, target: str) -> str:
    """A line from box to box: straight where one is beside or below the other, else bent."""
    (x, y), (u, v) = PLACES[source], PLACES[target]
    half, tall = BOX[0] / 2, BOX[1] / 2
    if (source, target) in (
        ("propose", "next_side"),
        ("next_side", "propose"),
        ("divide", "next_side"),
    ):
        if abs(v - y) <= 110:
            return f"M{x} {y + tall:g}V{v - tall:g}"
        out = x - half - (50 if source == "propose" else 25)
        return f"M{x - half:g} {y}C{out:g} {y} {out:g} {v} {u - half:g} {v}"
    if x == u:
        return f"M{x} {y + tall:g}V{v - tall:g}"
    if source == "experiment" and target == "revise":
        return f"M{x} {y + tall:g}C{x} {v} {x - 60} {v} {u + half:g} {v}"
    if u > x:
        return f"M{x + half:g} {y}C{x + half + 50:g} {y} {u - half - 50:g} {v} {u - half:g} {v}"
    return f"M{x - half:g} {y}C{x - half - 50:g} {y} {u + half + 50:g} {v} {u + half:g} {v}"


def main() -> int:
    """Write the picture."""
    PICTURE.write_text(draw(), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
