"""Sparse probing: which few units tell whether a feature of the text is there (paper 001).

Gurnee et al. 2023, "Finding Neurons in a Haystack". The way of the data: :mod:`.labels` says what
is known of a text's characters, :mod:`.builders` read it from corpora and files, :mod:`.sampling`
puts it on a subject's tokens, :mod:`.activations` reads the units there, :mod:`.moments` ranks all
of them in one pass, :mod:`.selectors` and :mod:`.osp` choose supports, :mod:`.fit` says how good
they are on text that no choice has seen, and :mod:`.after` asks what the units found do.
"""
