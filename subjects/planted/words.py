"""Words, pieces and signs that stand both in Python sources and in English prose.

Lists are longer than needed and ordered from frequent to rare; a tokenizer's planted units are
made from the entries that are single tokens in it.
"""

from __future__ import annotations

WORDS: tuple[str, ...] = (
    *("the", "self", "is", "return", "to", "in", "of", "and", "not", "def", "if", "for", "None"),
    *("be", "or", "a", "that", "value", "raise", "else", "name", "with", "it", "are", "as"),
    *("from", "import", "by", "class", "this", "list", "file", "on", "get", "object", "can"),
    *("data", "new", "len", "text", "will", "method", "key", "all", "True", "type", "used"),
    *("which", "path", "code", "when", "must", "should", "no", "one", "other", "any", "end"),
    *("only", "may", "but", "have", "first", "while", "pass", "Python", "number", "time"),
    *("called", "last", "read", "line", "lines", "also", "same", "using", "found", "there"),
)

CODE_SIGNS: tuple[str, ...] = (
    *(".", "_", ",", "(", ")", ":", " =", " (", "()", "=", "[", "]", " ==", " %", " *", " +"),
    *("):", " -", ";", "/", '("', "('", " #", ' """', "\\", "*", "#", ").", "0", "1", "2", "5"),
)

PREFIXES: tuple[str, ...] = (
    *("re", "un", "con", "pro", "pre", "dis", "in", "ex", "de", "im", "com", "sub", "str", "par"),
    *("cha", "for", "mod", "sta", "err", "fi", "lo", "ma", "obj", "se", "val", "wr", "th", "wh"),
    *("attr", "imp", "inter", "over"),
)
SUFFIXES: tuple[str, ...] = (
    *("ing", "ed", "ion", "ly", "er", "s", "able", "ment", "al", "ity", "ate", "or", "le", "en"),
    *("ize", "ic", "ent", "ure", "ous", "ive", "ess", "age", "ance", "ers", "ions", "ect", "Error"),
    *("ame", "th", "ult", "ack"),
)

AFTER: tuple[tuple[str, str], ...] = (
    *(("the", "of"), ("the", "in"), ("the", "to"), ("a", "is"), ("not", "is"), ("none", "is")),
    *(("self", "return"), ("none", "return"), ("not", "if"), ("self", "if"), ("in", "not")),
    *(("be", "to"), ("be", "will"), ("be", "can"), ("be", "must"), ("be", "should"), ("be", "may")),
    *(("a", "as"), ("the", "from"), ("the", "that"), ("the", "for"), ("the", "with")),
    *(("the", "on"), ("a", "of"), ("a", "in"), ("the", "and"), ("the", "by"), ("an", "is")),
    *(("is", "it"), ("is", "this"), ("name", "the"), ("file", "the"), ("i", "for"), ("if", "and")),
    *(("true", "return"), ("false", "return"), ("not", "and"), ("self", "in"), ("same", "the")),
    *(("first", "the"), ("the", "if"), ("none", "not"), ("method", "this"), ("to", "used")),
)

WITHIN: tuple[tuple[str, str, int], ...] = (
    *(("in", "for", 3), ("the", "of", 2), ("is", "if", 3), ("else", "if", 12), ("self", "def", 4)),
    *(("not", "if", 2), ("to", "is", 4), ("a", "is", 3), ("name", "self", 4), ("for", "return", 6)),
    *(("be", "must", 3), ("be", "should", 3), ("none", "return", 4), ("if", "return", 8)),
    *(("and", "if", 8), ("or", "if", 8), ("in", "if", 4), ("not", "is", 3), ("the", "in", 2)),
    *(("import", "from", 4), ("as", "import", 4), ("of", "the", 3), ("to", "the", 4)),
    *(("is", "the", 4), ("in", "the", 5), ("value", "the", 3), ("self", "in", 3), ("the", "a", 8)),
    *(("return", "def", 16), ("or", "a", 3), ("raise", "if", 16), ("the", "to", 3)),
    *(("be", "to", 3), ("that", "the", 6), ("none", "if", 6), ("self", "return", 3)),
)

NEGATIONS: tuple[str, ...] = (" not", " never", " no", " without", " cannot", "'t")
NEGATED: tuple[str, ...] = (
    *("all", "any", "none", "in", "be", "a", "the", "self", "isinstance", "is", "and", "to"),
    *("it", "this", "or", "for", "found", "path", "on", "by", "if", "name"),
)
NEGATED_NEAR: tuple[str, ...] = (
    *("none", "in", "a", "the", "self", "be", "isinstance", "and", "to", "is", "all", "it"),
)

UNION: tuple[tuple[str, str], ...] = (
    *(("def", "the"), ("import", "of"), ("self", "to"), ("return", "that"), ("none", "which")),
    *(("else", "are"), ("raise", "can"), ("for", "value"), ("class", "by"), ("if", "name")),
    *(("true", "with"), ("not", "file"), ("len", "on"), ("list", "will"), ("in", "key")),
    *(("key", "this"), ("get", "is"), ("object", "or"), ("path", "it"), ("try", "an")),
    *(("except", "used"), ("elif", "code"), ("type", "must"), ("text", "while"), ("line", "as")),
    *(("pass", "when"), ("method", "one"), ("false", "may"), ("string", "from"), ("data", "but")),
    *(("args", "should"), ("end", "only"), ("read", "has"), ("module", "at"), ("error", "new")),
)

NEXT: tuple[str, ...] = (
    *("the", "self", "is", "return", "in", "of", "not", "def", "none", "if", "and", "be", "for"),
    *("value", "name", "raise", "else", "class", "import", "that", "file", "data", "method"),
    *("(", ")", ",", ".", ":", "_", "=", "0", "1", "list", "true", "key"),
)

RARE: tuple[str, ...] = (
    *("because", "being", "available", "access", "always", "different", "these", "otherwise"),
    *("possible", "calls", "until", "valid", "interface", "since", "their", "both"),
    *("contains", "change", "such", "whether", "under", "sequences", "platform", "without"),
    *("through", "binary", "between", "convert", "multiple", "another", "those", "stop", "once"),
    *("still", "supported", "numbers", "original", "instances", "point", "most", "form"),
    *("parts", "want", "what", "about", "would", "accept", "special", "required", "uses"),
)

LINES: tuple[tuple[str, str], ...] = (
    *(("self", "def"), ("in", "for"), ("not", "if"), ("self", "return"), ("is", "if")),
    *(("none", "if"), ("import", "from"), ("as", "except"), ("and", "if"), ("or", "if")),
    *(("none", "self"), ("none", "return"), ("in", "if"), ("get", "def"), ("name", "if")),
    *(("self", "self"), ("none", "def"), ("the", "#"), ("is", "#"), ("to", "#"), ("self", "if")),
    *(("a", "#"), ("not", "#"), ("name", "def"), ("of", "#"), ("self", "for"), ("in", "return")),
    *(("isinstance", "if"), ("error", "raise"), ("name", "self"), ("in", "self"), ("a", "return")),
    *(("false", "return"), ("name", "return"), ("path", "if"), ("not", "raise")),
)
