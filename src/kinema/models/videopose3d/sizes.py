"""VideoPose3D's sizes, read from a checkpoint's tensors, without torch.

Whether a network is causal is in no tensor: it is an option of the run.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from kinema.errors import InputError
from kinema.models.published_tensors import require_shapes

COORDINATES = 2
"""Numbers of an input joint: x and y."""

_NORM = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class VideoPose3DSizes:
    """The shape of one network.

    joints_in: 2D joints; joints_out: 3D joints (1: the trajectory model); channels: width; filter_widths: frames of
    each block's filter, such as (3, 3, 3, 3, 3); dense: filters without holes (the paper's ablation).
    """

    joints_in: int
    joints_out: int
    channels: int
    filter_widths: tuple[int, ...]
    dense: bool = False

    @property
    def dilations(self) -> tuple[int, ...]:
        """Frames between the taps of each filter: the product of the widths before it, 1 for dense filters."""
        if self.dense:
            return (1,) * len(self.filter_widths)
        return tuple(itertools.accumulate(self.filter_widths[:-1], lambda a, b: a * b, initial=1))

    @property
    def kernels(self) -> tuple[int, ...]:
        """Taps of each filter."""
        if not self.dense:
            return self.filter_widths
        return (self.filter_widths[0], *(2 * pad + 1 for pad in self.pads[1:]))

    @property
    def pads(self) -> tuple[int, ...]:
        """Frames that each block removes at either end."""
        reach = itertools.accumulate(self.filter_widths[:-1], lambda a, b: a * b, initial=1)
        return tuple((width - 1) * step // 2 for width, step in zip(self.filter_widths, reach, strict=True))

    @property
    def receptive_field(self) -> int:
        """Frames from which one output frame is computed."""
        return 1 + 2 * sum(self.pads)

    def shifts(self, causal: bool) -> tuple[int, ...]:
        """Frames by which each block's residual is moved towards the past: 0 unless the filters are causal."""
        if not causal:
            return (0,) * len(self.filter_widths)
        reach = itertools.accumulate(self.filter_widths[:-1], lambda a, b: a * b, initial=1)
        return tuple(width // 2 * step for width, step in zip(self.filter_widths, reach, strict=True))


def sizes_of(shapes: Mapping[str, tuple[int, ...]], name: str = "weights") -> VideoPose3DSizes:
    """Read all sizes from the shapes of the tensors. Raises InputError if they are not VideoPose3D's."""
    expand, shrink = shapes.get("expand_conv.weight", ()), shapes.get("shrink.weight", ())
    if len(expand) != 3 or len(shrink) != 3:
        raise InputError(f"{name} is not a VideoPose3D checkpoint: it has no filters 'expand_conv' and 'shrink'")
    channels, inputs, first = expand
    blocks = len({key.split(".")[1] for key in shapes if key.startswith("layers_conv.")}) // 2
    taps = (first, *(shapes.get(f"layers_conv.{2 * i}.weight", (0, 0, 0))[2] for i in range(blocks)))
    if inputs % COORDINATES or shrink[0] % 3 or any(width % 2 == 0 for width in taps):
        raise InputError(f"{name} is not a VideoPose3D checkpoint: its filters have impossible shapes")
    widths, dense = _widths(taps)
    sizes = VideoPose3DSizes(inputs // COORDINATES, shrink[0] // 3, channels, widths, dense)
    expected = expected_shapes(sizes)
    require_shapes(shapes, expected, "VideoPose3D", name)
    return sizes


def expected_shapes(sizes: VideoPose3DSizes) -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint of these sizes but the counters of its norms."""
    c = sizes.channels
    shapes: dict[str, tuple[int, ...]] = {
        "expand_conv.weight": (c, sizes.joints_in * COORDINATES, sizes.kernels[0]),
        "shrink.weight": (sizes.joints_out * 3, c, 1),
        "shrink.bias": (sizes.joints_out * 3,),
    }
    norms = ["expand_bn"]
    for i, kernel in enumerate(sizes.kernels[1:]):
        shapes[f"layers_conv.{2 * i}.weight"] = (c, c, kernel)
        shapes[f"layers_conv.{2 * i + 1}.weight"] = (c, c, 1)
        norms += [f"layers_bn.{2 * i}", f"layers_bn.{2 * i + 1}"]
    for norm in norms:
        shapes |= {f"{norm}.{part}": (c,) for part in _NORM}
    return shapes


def _widths(taps: tuple[int, ...]) -> tuple[tuple[int, ...], bool]:
    """The filter widths, and whether the filters are dense, from the number of taps of each.

    A dense filter of width w has (w - 1) d + 1 taps, d being the product of the widths before it. Unequal taps that
    come from equal widths that way are dense filters; others are widths.
    """
    widths, reach = [taps[0]], taps[0]
    for count in taps[1:]:
        if (count - 1) % reach:
            return taps, False
        widths.append((count - 1) // reach + 1)
        reach *= widths[-1]
    dense = len(set(taps)) > 1 and len(set(widths)) == 1
    return (tuple(widths), True) if dense else (taps, False)
