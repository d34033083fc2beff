"""Applying an :class:`subjects.protocol.Edit` to the values of one site.

An edit is checked and brought to the model's device once (:func:`prepare`), then applied to all
text positions at once (transformers) or to one step at a time (recurrent models). Tokens before
and after the text (beginning-of-text, separators) are never edited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from core.errors import InvalidSetting, UnitOutOfRange, UnknownSite
from subjects.protocol import Batch, Edit, EditKind, SiteInfo


@dataclass(frozen=True, slots=True)
class PreparedEdit:
    """A checked edit on a device. ``value`` is 0-d, [units] or [n, text, units];
    ``where`` is None or boolean [1 or n, text]."""

    kind: EditKind
    units: Tensor | None
    value: Tensor | None
    baseline: Tensor | None
    where: Tensor | None

    def apply(self, text: Tensor, first: int = 0) -> Tensor:
        """New values for ``text`` [n, steps, width], whose first step is text position ``first``.

        The argument is left as it was; the result keeps the graph of ``value`` and ``baseline``.
        """
        steps = slice(first, first + text.shape[1])
        old = text if self.units is None else text[..., self.units]
        new = self._changed(old, steps)
        if self.where is not None:
            new = torch.where(self.where[:, steps, None], new, old)
        if self.units is None:
            return new
        result = text.clone()
        result[..., self.units] = new
        return result

    def _changed(self, old: Tensor, steps: slice) -> Tensor:
        if self.kind == "zero":
            return torch.zeros_like(old)
        if self.value is None:  # excluded by prepare()
            raise InvalidSetting(f"an edit of kind {self.kind!r} needs a value")
        value = self.value[:, steps] if self.value.ndim == 3 else self.value
        if self.kind == "add":
            return old + value
        if self.kind == "scale":
            return old * value
        if self.kind == "mask":
            base = self.baseline if self.baseline is not None else old.new_zeros(())
            return (1 - value) * old + value * base
        return value.expand_as(old)


def prepare(
    edit: Edit,
    sites: Mapping[str, SiteInfo],
    batch: Batch,
    device: torch.device,
    dtype: torch.dtype,
) -> PreparedEdit:
    """Check ``edit`` against the subject's sites and the batch.

    Raises :class:`UnknownSite`, :class:`UnitOutOfRange` or :class:`InvalidSetting` (a value is
    missing or has the wrong shape, a position is outside the text).
    """
    if edit.site not in sites:
        raise UnknownSite(f"no site {edit.site!r} to edit", "sites: " + ", ".join(sites))
    info = sites[edit.site]
    units = None
    if edit.units is not None:
        indices = [int(unit) for unit in edit.units]
        for unit in indices:
            if not 0 <= unit < info.width:
                raise UnitOutOfRange(
                    f"unit {unit} of site {edit.site!r} does not exist",
                    f"{edit.site} has units 0 to {info.width - 1}",
                )
        units = torch.tensor(indices, dtype=torch.long, device=device)
    count = info.width if units is None else len(units)
    rows = batch.ids.shape[0]
    shapes = ((), (count,), (rows, batch.length, count))
    value = baseline = None
    if edit.kind != "zero":
        if edit.value is None:
            raise InvalidSetting(f"an edit of kind {edit.kind!r} needs a value")
        value = _tensor(edit.value, shapes, f"value of the {edit.kind!r} edit", device, dtype)
    if edit.kind == "mask":
        if edit.baseline is None:
            raise InvalidSetting("a mask edit needs a baseline", "zeros mask towards silence")
        baseline = _tensor(edit.baseline, shapes[:2], "baseline of the mask edit", device, dtype)
    return PreparedEdit(edit.kind, units, value, baseline, _where(edit, rows, batch.length, device))


def by_site(
    edits: Sequence[Edit],
    sites: Mapping[str, SiteInfo],
    batch: Batch,
    device: torch.device,
    dtype: torch.dtype,
) -> dict[str, list[PreparedEdit]]:
    """Prepared edits by site: sites in order of depth, edits of one site in the order given."""
    grouped: dict[str, list[PreparedEdit]] = {}
    for edit in edits:
        grouped.setdefault(edit.site, []).append(prepare(edit, sites, batch, device, dtype))
    return {site: grouped[site] for site in sites if site in grouped}


def apply_to_input(values: Tensor, edits: Sequence[PreparedEdit], batch: Batch) -> Tensor:
    """Edit the text positions of ``values`` [n, positions, width] and keep the others."""
    end = batch.start + batch.length
    text = values[:, batch.start : end]
    for edit in edits:
        text = edit.apply(text)
    if batch.start == 0 and end == values.shape[1]:
        return text
    return torch.cat([values[:, : batch.start], text, values[:, end:]], dim=1)


def for_growing_text(edit: Edit, offset: int, length: int) -> Edit:
    """The same edit while text is generated, when positions ``offset`` .. are still in sight.

    Raises :class:`InvalidSetting` for per-token values or per-row positions, which have no meaning
    for text that is not written yet.
    """
    per_token = edit.value is not None and torch.as_tensor(edit.value).ndim == 3
    if per_token or (isinstance(edit.positions, np.ndarray) and edit.positions.dtype == np.bool_):
        raise InvalidSetting(
            "an edit with a value or a flag for each token cannot be used while generating",
            "give values for each unit, and positions as numbers",
        )
    if edit.positions is None:
        return edit
    kept = [int(p) - offset for p in edit.positions if 0 <= int(p) - offset < length]
    return replace(edit, positions=kept)


def _tensor(
    value: object,
    shapes: Sequence[tuple[int, ...]],
    what: str,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    tensor = torch.as_tensor(value).to(device=device, dtype=dtype)
    if tuple(tensor.shape) not in shapes:
        wanted = " or ".join(str(list(shape)) if shape else "a number" for shape in shapes)
        raise InvalidSetting(f"the {what} has shape {list(tensor.shape)}", f"give {wanted}")
    return tensor


def _where(edit: Edit, rows: int, length: int, device: torch.device) -> Tensor | None:
    if edit.positions is None:
        return None
    array = np.asarray(edit.positions)
    if array.dtype == np.bool_:
        if array.shape != (rows, length):
            raise InvalidSetting(
                f"the edit's positions have shape {list(array.shape)}", f"give {[rows, length]}"
            )
        return torch.as_tensor(array, device=device)
    flags = torch.zeros(1, length, dtype=torch.bool, device=device)
    for position in array.tolist():
        if not 0 <= position < length:
            raise InvalidSetting(
                f"text position {position} does not exist", f"this text has 0 to {length - 1}"
            )
        flags[0, position] = True
    return flags
