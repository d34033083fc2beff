"""What the units that a probe found do: edited, read out, and seen on other text.

Start in :mod:`.study`. :mod:`.windows` says which tokens are in a feature's context; everything
else reads such windows: :mod:`.ablation`, :mod:`.tokens`, :mod:`.share`, :mod:`.cooccurrence`,
:mod:`.superposition` and :mod:`.splitting`; :mod:`.logits` and :mod:`.weights` read weights.
"""
