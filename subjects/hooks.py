"""Reading and changing values inside a torch model with plain hooks.

Modules hand tensors around in three shapes, all met in practice: a tensor, a tuple whose first
element is the tensor, and a tensor with batch and time flattened into one axis (OPT).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from core.errors import ShapeMismatch
from subjects.architectures import Location

Transform = Callable[[Tensor], Tensor]
"""[n, positions, width] -> the same shape."""


class _StopForward(Exception):
    """Raised by the last hook that has something to read: the rest of the model is not needed."""


def capture(
    trunk: nn.Module,
    locations: Sequence[Location],
    rows: int,
    positions: int,
    run: Callable[[], object],
) -> dict[str, Tensor]:
    """Values at ``locations``, each [rows, positions, width], from one call of ``run``.

    The forward pass is stopped as soon as the last of them is known. Raises
    :class:`ShapeMismatch` when a module gives another shape, or never runs.
    """
    values: dict[str, Tensor] = {}
    wanted = {location.info.name for location in locations}

    def keep(location: Location, value: object) -> None:
        seen = _three_axes(location, trunk, value, rows, positions)
        # What enters a projection is not written to afterwards; the residual stream and branch
        # outputs may be, in place (Falcon adds attention to the MLP's output), so they are copied.
        name = location.info.name
        values[name] = seen if name.startswith(("mlp.", "attn.")) else seen.clone()
        if len(values) == len(wanted):
            raise _StopForward

    with _hooks() as handles:
        for location in locations:
            handles.append(_read_hook(trunk, location, keep))
        with suppress(_StopForward):
            run()
    missing = [location for location in locations if location.info.name not in values]
    if missing:
        first = missing[0]
        kind = type(trunk.get_submodule(first.module)).__name__
        raise ShapeMismatch(
            f"site {first.info.name!r}: module {first.module!r} ({kind}) did not run",
            "the model skips this module, so the site cannot be read",
        )
    return values


@contextmanager
def editing(
    trunk: nn.Module,
    transforms: Mapping[str, Transform],
    locations: Mapping[str, Location],
    rows: int,
    positions: int,
) -> Iterator[None]:
    """While open, every forward pass of ``trunk`` has its values at these sites replaced.

    ``transforms`` are registered in their order, which must be the order of depth.
    """
    with _hooks() as handles:
        for site, transform in transforms.items():
            handles.extend(_write_hooks(trunk, locations[site], transform, rows, positions))
        yield


@contextmanager
def _hooks() -> Iterator[list[RemovableHandle]]:
    handles: list[RemovableHandle] = []
    try:
        yield handles
    finally:
        for handle in handles:
            handle.remove()


def _read_hook(
    trunk: nn.Module, location: Location, keep: Callable[[Location, object], None]
) -> RemovableHandle:
    module = trunk.get_submodule(location.module)
    if location.side == "output":

        def after(_module: nn.Module, _args: Any, output: Any) -> None:
            keep(location, output[0] if isinstance(output, tuple) else output)

        return module.register_forward_hook(after)

    def before(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        keep(location, args[0] if args else kwargs[_first_key(kwargs)])

    return module.register_forward_pre_hook(before, with_kwargs=True)


def _write_hooks(
    trunk: nn.Module, location: Location, transform: Transform, rows: int, positions: int
) -> list[RemovableHandle]:
    module = trunk.get_submodule(location.module)

    def changed(value: Tensor) -> Tensor:
        seen = _three_axes(location, trunk, value, rows, positions)
        return transform(seen).reshape(value.shape)

    if location.side == "output":

        def after(_module: nn.Module, _args: Any, output: Any) -> Any:
            if isinstance(output, tuple):
                return (changed(output[0]), *output[1:])
            return changed(output)

        return [module.register_forward_hook(after)]

    difference: list[Tensor] = []

    def before(
        _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        key = None if args else _first_key(kwargs)
        old: Tensor = args[0] if key is None else kwargs[key]
        new = changed(old)
        if location.side == "branch":
            difference[:] = [new - old]
        if key is None:
            return (new, *args[1:]), kwargs
        return args, {**kwargs, key: new}

    handles = [module.register_forward_pre_hook(before, with_kwargs=True)]
    if location.side == "branch":

        def restore(_module: nn.Module, _args: Any, output: Any) -> Any:
            stream = output[0] if isinstance(output, tuple) else output
            stream = stream + difference.pop().reshape(stream.shape)
            return (stream, *output[1:]) if isinstance(output, tuple) else stream

        handles.append(trunk.get_submodule(location.block).register_forward_hook(restore))
    return handles


def _first_key(kwargs: Mapping[str, Any]) -> str:
    if "hidden_states" in kwargs:
        return "hidden_states"
    return next(key for key, value in kwargs.items() if isinstance(value, Tensor))


def _three_axes(
    location: Location, trunk: nn.Module, value: object, rows: int, positions: int
) -> Tensor:
    """``value`` as [rows, positions, width]; :class:`ShapeMismatch` says what was seen instead."""
    wanted = (rows, positions, location.info.width)
    if isinstance(value, Tensor):
        if tuple(value.shape) == wanted:
            return value
        if tuple(value.shape) == (rows * positions, location.info.width):
            return value.reshape(wanted)
    seen = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
    kind = type(trunk.get_submodule(location.module)).__name__
    raise ShapeMismatch(
        f"site {location.info.name!r}: the {location.side} of module {location.module!r} ({kind}) "
        f"is {seen}, expected {list(wanted)}",
        "the architecture table does not fit this model; report it with the model's ID",
    )
