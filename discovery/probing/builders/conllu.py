"""Grammar from CoNLL-U: part of speech, dependency relations, morphology.

Part of speech and relations are told from any other text. Morphology is told within a class: the
negatives of ``Tense=Past`` are words of the classes that have a tense. A surface token of several
words that disagree on a feature (``du``: ADP and DET) is left out of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from core.errors import LabelsUnusable
from core.hashing import fingerprint
from discovery.probing.builders.treebank import Parsed, Token, Treebank, Word
from discovery.probing.labels import Annotation, Collection, Feature, Span

CLASS_SHARE = 0.01
"""A class has a key when at least this share of the words with the key are of the class."""
_STOPS = frozenset(".!?")
Has = Callable[[Word], frozenset[str]]


def part_of_speech(treebank: Treebank) -> Collection:
    """One feature for each UPOS tag that occurs."""

    def has(word: Word) -> frozenset[str]:
        return frozenset({word.upos} - {"_"})

    names = sorted({name for word in treebank.words() for name in has(word)})
    features = [Feature(name, f"words of the class {name} (UPOS)") for name in names]
    return _collection("part-of-speech", treebank, features, has)


def dependency(treebank: Treebank) -> Collection:
    """One feature for each relation that occurs: ``nsubj`` and ``nsubj:pass`` as they are written,
    and ``nsubj:*`` for both together."""
    exact = {word.relation for word in treebank.words()} - {"_"}
    kinds = Counter(relation.split(":")[0] for relation in exact)
    wide = {main for main, n in kinds.items() if n > 1}

    def has(word: Word) -> frozenset[str]:
        main = word.relation.split(":")[0]
        return frozenset(({word.relation} - {"_"}) | ({f"{main}:*"} if main in wide else set()))

    features = [Feature(name, f"words in the relation {name} (DEPREL)") for name in sorted(exact)]
    features += [
        Feature(f"{main}:*", f"words in the relation {main} or a subtype of it")
        for main in sorted(wide)
    ]
    return _collection("dependency", treebank, features, has)


def morphology(treebank: Treebank) -> Collection:
    """One feature for each ``Key=Value`` of FEATS that occurs, named ``Key_Value``.

    Beside them ``eos_True``, the last token of a sentence where it holds ``.``, ``!`` or ``?``
    (negatives: any other text), and ``first_eos_True``, the first of these in a document
    (negatives: the others).
    """
    classes = _classes(treebank)

    def has(word: Word) -> frozenset[str]:
        return frozenset(f"{key}_{value}" for key, value in word.features)

    pairs = sorted({pair for word in treebank.words() for pair in word.features})
    within = {f"{key}_{value}": classes[key] for key, value in pairs}
    features = [
        Feature(
            f"{key}_{value}",
            f"words with {key}={value}",
            negatives="among",
            among="words of the classes " + ", ".join(sorted(classes[key])),
        )
        for key, value in pairs
    ]
    features += [
        Feature("eos_True", "the mark (. ! ?) that ends a sentence"),
        Feature(
            "first_eos_True",
            "the mark that ends the first such sentence of a document",
            negatives="among",
            among="marks that end sentences",
        ),
    ]
    return _collection("morphology", treebank, features, has, within)


def _classes(treebank: Treebank) -> dict[str, frozenset[str]]:
    """By key of FEATS the UPOS tags of the words that have it, without rare ones."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for word in treebank.words():
        for key in {key for key, _ in word.features}:
            counts[key][word.upos] += 1
    return {
        key: frozenset(tag for tag, n in tags.items() if n >= CLASS_SHARE * tags.total())
        for key, tags in counts.items()
    }


def _collection(
    name: str,
    treebank: Treebank,
    features: Sequence[Feature],
    has: Has,
    within: Mapping[str, frozenset[str]] | None = None,
) -> Collection:
    if not features:
        raise LabelsUnusable(f"the treebank has no label for {name}", "its column holds only '_'")
    names = [feature.name for feature in features]
    by_class: dict[str, frozenset[str]] = _by_class(within or {})

    def annotations() -> Iterator[Annotation]:
        for parsed in treebank.documents:
            yield _annotation(parsed, has, by_class, sentences=within is not None)

    return Collection(
        name=name,
        features=tuple(features),
        annotations=annotations,
        fingerprint=fingerprint([name, treebank.fingerprint, names]),
    )


def _by_class(within: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """By UPOS tag the features that its words are negatives of where they have them not."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, classes in within.items():
        for upos in classes:
            found[upos].add(name)
    return {upos: frozenset(names) for upos, names in found.items()}


def _annotation(
    parsed: Parsed, has: Has, by_class: Mapping[str, frozenset[str]], *, sentences: bool
) -> Annotation:
    positive: dict[str, list[Span]] = defaultdict(list)
    negative: dict[str, list[Span]] = defaultdict(list)
    left_out: dict[str, list[Span]] = defaultdict(list)
    for token in parsed.tokens:
        span = Span(token.start, token.stop)
        of_words = [has(word) for word in token.words]
        all_have = frozenset.intersection(*of_words)
        any_has = frozenset.union(*of_words)
        for name in all_have:
            positive[name].append(span)
        for name in any_has - all_have:
            left_out[name].append(span)
        for name in frozenset().union(*(by_class.get(word.upos, ()) for word in token.words)):
            if name not in any_has:
                negative[name].append(span)
    if sentences:
        _ends(parsed, positive, negative)
    return Annotation(parsed.document, _frozen(positive), _frozen(negative), _frozen(left_out))


def _ends(parsed: Parsed, positive: dict[str, list[Span]], negative: dict[str, list[Span]]) -> None:
    ends = [
        Span(token.start, token.stop)
        for token in parsed.tokens
        if token.ends and _STOPS & set(_form(parsed, token))
    ]
    positive["eos_True"] = ends
    positive["first_eos_True"] = ends[:1]
    negative["first_eos_True"] = ends[1:]


def _form(parsed: Parsed, token: Token) -> str:
    return parsed.document.text[token.start : token.stop]


def _frozen(spans: Mapping[str, list[Span]]) -> dict[str, tuple[Span, ...]]:
    return {name: tuple(found) for name, found in spans.items()}
