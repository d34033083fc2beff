"""Treebanks: words in the text again, and their labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from builder_texts import positives, words
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CorpusEmpty, CorpusNotFound, CorpusNotText, LabelsUnusable
from discovery.probing.builders.conllu import dependency, morphology, part_of_speech
from discovery.probing.builders.treebank import Treebank, read_treebank

ROOT = Path(__file__).resolve().parents[3]
EWT = ROOT / "../shared/data/ud-english-ewt"


def line(number: str, form: str, upos: str = "X", *rest: str) -> str:
    feats, relation, misc = (*rest, *["_"] * 3)[:3]
    return "\t".join([number, form, "_", upos, "_", feats, "0", relation, "_", misc])


SAMPLE = "\n".join(
    [
        "# newdoc id = letters",
        "# text = I don't sleep.",
        line("1", "I", "PRON", "Number=Sing|Person=1", "nsubj"),
        line("2-3", "don't"),
        line("2", "do", "AUX", "Tense=Pres", "aux"),
        line("3", "n't", "PART", "_", "advmod"),
        line("4", "sleep", "VERB", "_", "root", "SpaceAfter=No"),
        line("5", ".", "PUNCT", "_", "punct"),
        "",
        "# text = He was seen!",
        line("1", "He", "PRON", "Number=Sing|Person=3", "nsubj:pass"),
        line("2", "was", "AUX", "Number=Sing|Tense=Past", "aux:pass"),
        line("3", "seen", "VERB", "Tense=Past", "root", "SpaceAfter=No"),
        line("3.1", "ghost", "NOUN"),
        line("4", "!", "PUNCT", "_", "punct"),
        "",
        "# newpar",
        line("1", "Allons", "VERB", "_", "root"),
        line("2-3", "du", "_"),
        line("2", "de", "ADP", "_", "case"),
        line("3", "le", "DET", "_", "det"),
        "",
        "# newdoc",
        line("1", "End", "NOUN", "Number=Sing", "root", "SpaceAfter=No"),
        "",
        line("1", "s", "NOUN", "Number=Plur", "root"),
        "",
    ]
)


def read(tmp_path: Path, text: str = SAMPLE) -> Treebank:
    file = tmp_path / "a.conllu"
    file.write_text(text)
    return read_treebank(file)


def test_sentences_are_documents_again(tmp_path: Path) -> None:
    treebank = read(tmp_path)
    assert [(p.document.id, p.document.text) for p in treebank.documents] == [
        ("a.conllu#letters", "I don't sleep. He was seen!\nAllons du"),
        ("a.conllu#document-1", "Ends"),
    ]
    assert treebank.documents[0].document.group == "a.conllu#letters"


def test_every_word_stands_at_its_characters(tmp_path: Path) -> None:
    parsed = read(tmp_path).documents[0]
    found = [parsed.document.text[t.start : t.stop] for t in parsed.tokens]
    text = "I do n't sleep . He was seen ! Allons du"
    assert found == text.split()
    assert [word.form for word in parsed.tokens[-1].words] == ["de", "le"]


def test_parts_of_speech(tmp_path: Path) -> None:
    found = part_of_speech(read(tmp_path))
    assert positives(found)[0] == {
        "PRON": ["I", "He"],
        "AUX": ["do", "was"],
        "PART": ["n't"],
        "VERB": ["sleep", "seen", "Allons"],
        "PUNCT": [".", "!"],
    }
    first = next(found.annotations())
    assert words(first, first.left_out) == {"ADP": ["du"], "DET": ["du"]}
    assert all(f.negatives == "any" for f in found.features)
    assert (found.name, found.reading) == ("part-of-speech", "every")


def test_relations_with_and_without_their_subtypes(tmp_path: Path) -> None:
    first, _ = positives(dependency(read(tmp_path)))
    assert (first["nsubj"], first["nsubj:pass"], first["nsubj:*"]) == (["I"], ["He"], ["I", "He"])
    assert "root:*" not in first


def test_morphology_is_told_within_the_classes_that_have_the_key(tmp_path: Path) -> None:
    found = morphology(read(tmp_path))
    first = next(found.annotations())
    positive, negative = words(first, first.positive), words(first, first.negative)
    assert positive["Tense_Past"] == ["was", "seen"]
    assert negative["Tense_Past"] == ["do", "sleep", "Allons"]
    assert (positive["Person_1"], negative["Person_1"]) == (["I"], ["He"])
    by_name = {f.name: f for f in found.features}
    assert by_name["Tense_Past"].negatives == "among"
    assert by_name["Tense_Past"].among == "words of the classes AUX, VERB"


def test_ends_of_sentences(tmp_path: Path) -> None:
    found = morphology(read(tmp_path))
    first = next(found.annotations())
    assert words(first, first.positive)["eos_True"] == [".", "!"]
    assert words(first, first.positive)["first_eos_True"] == ["."]
    assert words(first, first.negative)["first_eos_True"] == ["!"]
    assert "eos_True" not in first.negative


def test_files_without_documents_are_cut_into_blocks(tmp_path: Path) -> None:
    sentence = line("1", "Yes", "INTJ") + "\n\n"
    treebank = read(tmp_path, sentence * 45)
    assert [len(p.tokens) for p in treebank.documents] == [20, 20, 5]
    assert treebank.documents[2].document.id == "a.conllu#document-2"


def test_a_document_that_comes_again_stays_in_its_group(tmp_path: Path) -> None:
    one = "# newdoc id = x\n" + line("1", "Yes", "INTJ") + "\n\n"
    first, second = read(tmp_path, one * 2).documents
    assert (first.document.id, second.document.id) == ("a.conllu#x", "a.conllu#x/2")
    assert first.document.group == second.document.group


def test_a_byte_order_mark_and_line_ends_of_other_systems(tmp_path: Path) -> None:
    file = tmp_path / "a.conllu"
    file.write_bytes(b"\xef\xbb\xbf" + SAMPLE.replace("\n", "\r\n").encode())
    assert read_treebank(file).documents == read(tmp_path).documents


GOOD = line("1", "Yes", "INTJ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1\tYes\tyes", "line 1 .* 3 columns"),
        (GOOD.replace("\t", " "), "line 1 .* 1 columns"),
        (f"{GOOD}\n{line('x', 'No')}", "line 2 .* 'x' is no word number"),
        (f"{GOOD}\n{line('3', 'No')}", "line 2 .* word 3 where 2 should be"),
        (f"{GOOD}\n\n{line('2', 'No')}", "line 3 .* word 2 where 1 should be"),
        (line("1", ""), "line 1 .* without a form"),
        (line("1", "Yes", "INTJ", "Number"), "line 1 .* 'Number' is not Key=Value"),
        (f"{line('1-2', 'Yesno')}\n{GOOD}", "line 2 .* ends before word 2"),
        (line("1-0", "Yes"), "line 1 .* runs backwards"),
        (f"# text = No\n{GOOD}", "line 1 .* do not make up its text, from 'Yes'"),
        (f"# text = Yes indeed\n{GOOD}", "line 1 .* from 'indeed'"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(LabelsUnusable, match=problem) as raised:
        read(tmp_path, text)
    assert "a.conllu" in raised.value.message


def test_files_without_sentences_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusEmpty, match=r"a\.conllu"):
        read(tmp_path, "# only a comment\n\n")
    with pytest.raises(CorpusNotFound, match="nowhere"):
        read_treebank(tmp_path / "nowhere.conllu")
    (tmp_path / "b.conllu").write_bytes(b"# \n\xff")
    with pytest.raises(CorpusNotText, match="line 2"):
        read_treebank(tmp_path / "b.conllu")


def test_a_column_without_labels_is_no_collection(tmp_path: Path) -> None:
    with pytest.raises(LabelsUnusable, match="dependency"):
        dependency(read(tmp_path, GOOD))


FORMS = st.text(alphabet="abcé日.'-", min_size=1, max_size=5)
SENTENCES = st.lists(st.tuples(FORMS, st.booleans()), min_size=1, max_size=6)


@given(st.lists(SENTENCES, min_size=1, max_size=5), st.booleans())
def test_offsets_give_back_each_form(
    tmp_path_factory: pytest.TempPathFactory,
    sentences: list[list[tuple[str, bool]]],
    with_text: bool,
) -> None:
    lines = []
    for sentence in sentences:
        if with_text:
            text = "".join(form + " " * spaced for form, spaced in sentence)
            lines.append(f"# text = {text.strip()}")
        for number, (form, spaced) in enumerate(sentence, 1):
            misc = "_" if spaced else "SpaceAfter=No"
            lines.append(line(str(number), form, "X", "_", "dep", misc))
        lines.append("")
    treebank = read(tmp_path_factory.mktemp("forms"), "\n".join(lines))
    found = [p.document.text[t.start : t.stop] for p in treebank.documents for t in p.tokens]
    assert found == [form for sentence in sentences for form, _ in sentence]


@pytest.fixture(scope="module")
def ewt() -> Treebank:
    file = EWT / "en_ewt-ud-dev.conllu"
    if not file.is_file():
        pytest.skip("UD English-EWT is not at ../shared/data/ud-english-ewt")
    return read_treebank(file)


def test_english_ewt_is_read_with_every_word_in_its_place(ewt: Treebank) -> None:
    assert len(ewt.documents) > 100
    for parsed in ewt.documents:
        for token in parsed.tokens:
            form = parsed.document.text[token.start : token.stop]
            assert form == "".join(word.form for word in token.words)


def test_english_ewt_has_the_features_of_the_paper(ewt: Treebank) -> None:
    names = {f.name for f in morphology(ewt).features}
    assert {"Tense_Past", "Number_Plur", "Voice_Pass", "eos_True", "first_eos_True"} < names
    assert {"nsubj", "nsubj:pass", "acl:relcl"} < {f.name for f in dependency(ewt).features}
    assert len(part_of_speech(ewt).features) == 17
    tense = next(f for f in morphology(ewt).features if f.name == "Tense_Past")
    assert tense.among == "words of the classes AUX, VERB"
