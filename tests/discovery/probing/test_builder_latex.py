"""LaTeX: what lies inside of what, without the marks that say so."""

from __future__ import annotations

from itertools import pairwise

import pytest
from builder_texts import Texts, positives, words
from hypothesis import given
from hypothesis import strategies as st

from discovery.probing.builders.latex import FEATURES, label_latex, latex
from discovery.probing.builders.latex_scanner import NAMES
from subjects.corpora.document import Document
from subjects.corpora.generated import documents


def labelled(text: str) -> dict[str, list[str]]:
    annotation = label_latex(Document("0", text, "row", "0"))
    return words(annotation, annotation.positive)


def left_out(text: str) -> dict[str, list[str]]:
    annotation = label_latex(Document("0", text, "row", "0"))
    return words(annotation, annotation.left_out)


@pytest.mark.parametrize("text", ["$ab$", r"\(ab\)", r"\begin{math}ab\end{math}"])
def test_formulas_in_a_line(text: str) -> None:
    assert labelled(f"so {text} holds") == {"is_inline_math": ["ab"], "is_math": ["ab"]}


@pytest.mark.parametrize(
    "text",
    ["$$ab$$", r"\[ab\]", r"\begin{equation}ab\end{equation}", r"\begin{align*}ab\end{align*}"],
)
def test_formulas_on_their_own(text: str) -> None:
    assert labelled(f"so {text} holds") == {"is_display_math": ["ab"], "is_math": ["ab"]}


@pytest.mark.parametrize(
    ("text", "upper", "lower"),
    [
        ("$x^2$", ["2"], None),
        ("$x^23_i$", ["2"], ["i"]),
        ("$x^{a+1}_{n}$", ["a+1"], ["n"]),
        (r"$x^\alpha_\beta$", [r"\alpha"], [r"\beta"]),
        ("$x_{a_{b}c}$", None, ["a", "b", "c"]),
        ("$x_ {ab}$", None, ["ab"]),
        ("a_b and x^2", None, None),
        (r"$x\_y$", None, None),
        (r"$x^$", None, None),
    ],
)
def test_scripts(text: str, upper: list[str] | None, lower: list[str] | None) -> None:
    found = labelled(text)
    assert found.get("is_superscript") == upper
    assert found.get("is_subscript") == lower


@pytest.mark.parametrize(
    ("text", "above", "below"),
    [
        (r"$\frac{a+b}{c}$", ["a+b"], ["c"]),
        (r"$\dfrac {a} {c}$", ["a"], ["c"]),
        (r"$\frac12$", ["1"], ["2"]),
        (r"$\frac\alpha{c}$", [r"\alpha"], ["c"]),
        (r"$\frac{a}\beta$", ["a"], [r"\beta"]),
        (r"\frac{a}{b}", None, None),
    ],
)
def test_fractions(text: str, above: list[str] | None, below: list[str] | None) -> None:
    found = labelled(text)
    assert (found.get("is_numerator"), found.get("is_denominator")) == (above, below)
    assert "".join(found.get("is_frac", [])) == "".join((above or []) + (below or []))


def test_numerators_and_denominators_are_each_others_negatives() -> None:
    annotation = label_latex(Document("0", r"$\frac{\frac{a}{b}}{c}$", "row", "0"))
    assert words(annotation, annotation.positive)["is_numerator"] == ["a", "b"]
    assert words(annotation, annotation.positive)["is_denominator"] == ["b", "c"]
    negative = words(annotation, annotation.negative)
    assert negative == {"is_numerator": ["c"], "is_denominator": ["a"]}
    halves = {f.name for f in FEATURES if f.negatives == "half"}
    assert halves == {"is_numerator", "is_denominator"}


def test_parts_of_a_document() -> None:
    text = r"""\title[short]{On \emph{Rivers}} \author{Ada Stone}
\begin{abstract}We ask, as \cite[p. 2]{moss} did, in \eqref{eq:a}.\end{abstract}"""
    found = labelled(text)
    assert found["is_title"] == [r"On \emph{Rivers}"]
    assert found["is_author"] == ["Ada Stone"]
    assert found["is_reference"] == ["moss", "eq:a"]
    assert found["is_abstract"] == [r"We ask, as \cite[p. 2]{moss} did, in \eqref{eq:a}."]


def test_marks_are_left_out_of_their_own_feature_only() -> None:
    found = left_out(r"$x_{i}$")
    assert found == {
        "is_subscript": ["_{", "}"],
        "is_inline_math": ["$", "$"],
        "is_math": ["$"] * 2,
    }
    assert labelled(r"$x_{i}$")["is_math"] == ["x_{i}"]


def test_escapes_comments_and_verbatim_are_no_marks() -> None:
    assert labelled(r"costs \$5 and \$6 \\[2pt] x") == {}
    assert labelled("$a % not $ here\nb$")["is_inline_math"] == ["a ", "\nb"]
    assert labelled(r"\verb|$a$| and \begin{verbatim}$b$\end{verbatim} $c$")["is_math"] == ["c"]
    assert labelled(r"$\{a\}$")["is_inline_math"] == [r"\{a\}"]


def test_text_within_a_formula_may_hold_a_formula() -> None:
    found = labelled(r"\[a \text{ if $b$ } c\]")
    assert found["is_inline_math"] == ["b"]
    assert found["is_display_math"] == [r"a \text{ if $b$ } c"]


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("a $b and c", "$b and c"),
        (r"a \[b and c", r"\[b and c"),
        (r"a \begin{align}b", r"\begin{align}b"),
        ("a $b {c$ d", None),
    ],
)
def test_what_is_never_closed_is_left_out(text: str, lost: str | None) -> None:
    if lost is None:
        assert labelled(text)["is_math"] == ["b {c"]
    else:
        assert labelled(text) == {}
        assert left_out(text)["is_math"] == [lost]


def test_a_formula_ends_with_its_paragraph() -> None:
    text = "It costs $5.\n\nThen $a$ is."
    assert labelled(text)["is_math"] == ["a"]
    assert left_out(text)["is_math"][0] == "$5."


def test_only_documents_with_latex_are_used() -> None:
    corpus = Texts(
        "From $5 to $10.", r"The \alpha of", r"With $\alpha$.", **{"a.py": r"'$\alpha$'"}
    )
    assert positives(latex(corpus)) == [{"is_inline_math": [r"\alpha"], "is_math": [r"\alpha"]}]


def test_the_builtin_corpus_holds_formulas() -> None:
    corpus = Texts.of(*documents("lists_and_markup", seed=11, count=60))
    found = positives(latex(corpus))
    names = {name for document in found for name in document}
    assert {"is_inline_math", "is_display_math", "is_superscript", "is_numerator"} <= names


PIECES = [
    "$", "$$", "{", "}", "\\(", "\\)", "\\[", "\\]", "\\frac", "^", "_", "\\", "%", "\n\n", "\n",
    " ", "a", "1", "\\title", "\\cite", "\\text", "\\begin{align}", "\\end{align}", "\\verb|",
    "\\begin{abstract}", "\\end{abstract}", "\\begin{verbatim}", "\\$", "é",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_no_text_is_an_error_and_spans_are_disjoint_and_inside(text: str) -> None:
    annotation = label_latex(Document("0", text, "row", "0"))
    assert set(annotation.positive) == set(NAMES) == {f.name for f in FEATURES}
    for name in NAMES:
        both = (*annotation.positive[name], *annotation.left_out[name])
        spans = sorted((span.start, span.stop) for span in both)
        assert all(0 <= start < stop <= len(text) for start, stop in spans)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
