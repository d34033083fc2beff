"""The activation index: one streaming pass over a corpus, everything later steps ask for.

Read in this order: :mod:`windows` (documents become windows and shards), :mod:`layout` (bins and
sortable keys), :mod:`sums` and :mod:`tables` (what is kept, per batch and per shard), :mod:`state`
(folding shards in order), :mod:`collect` (the pass itself, which survives a kill), :mod:`files`
(atomic, checksummed files) and :mod:`reader` (from an index to a unit's evidence).
"""
