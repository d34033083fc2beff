"""From texts and files to labels of characters: one module a collection of features.

Start in :mod:`.catalogue`, which lists every collection with what it needs and opens it by name.
On any corpus: :mod:`.token_text` (by token, not by character), :mod:`.code`, :mod:`.documents`,
:mod:`.compounds`, :mod:`.latex`. With a label file: :mod:`.people` (over a corpus), :mod:`.conllu`
(read by :mod:`.treebank`), :mod:`.spans`. What each labels and where its negatives come from is in
``docs/methods/probing-datasets.md``.
"""
