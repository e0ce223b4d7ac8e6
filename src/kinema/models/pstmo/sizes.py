"""P-STMO's sizes and tensors, without torch: what a checkpoint must contain.

A file tells everything but the strides of the last encoder: they are all 3 if the window is 3 to the number of layers,
otherwise those of the authors' configurations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.models.published_tensors import require_finite, require_shapes

COORDINATES = 2
"""Numbers of an input joint: x and y."""

HEADS = 8
"""Attention heads, which no tensor tells; all published files have eight."""

PUBLISHED_STRIDES = {9: (1, 3, 3), 27: (3, 3, 3), 81: (3, 3, 3, 3), 243: (3, 3, 3, 3, 3), 351: (3, 9, 13)}
"""Strides of the authors' configurations, by window."""

PLACED = 3
"""Layers of the last encoder that have a position embedding; the others, if any, have none."""

_NORM = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class PSTMOSizes:
    """The shape of one network.

    frames: of the window; joints_in, joints_out: 2D and 3D joints; width: of a token; inner: of the feed-forward
    layers; spatial: of the pose encoder's layers; layers: of the temporal encoder; strides: of the last encoder's
    layers, whose product is the window.
    """

    frames: int
    joints_in: int = 17
    joints_out: int = 17
    width: int = 256
    inner: int = 512
    spatial: int = 512
    layers: int = 3
    strides: tuple[int, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.strides:
            object.__setattr__(self, "strides", PUBLISHED_STRIDES.get(self.frames, ()))
        if math.prod(self.strides) != self.frames:
            raise UsageError(
                f"the strides of a window of {self.frames} frames must have that product, found {self.strides}"
            )

    @property
    def lengths(self) -> tuple[int, ...]:
        """Frames after each layer of the last encoder."""
        lengths, length = [], self.frames
        for stride in self.strides:
            length = -(-length // stride)
            lengths.append(length)
        return tuple(lengths)


def sizes_of(shapes: Mapping[str, tuple[int, ...]], name: str = "weights", strides: tuple[int, ...] = ()) -> PSTMOSizes:
    """Read the sizes from the shapes of the tensors. strides: where they are not the authors'.

    Raises InputError if a tensor is missing, unexpected or inconsistent with the others.
    """
    enter, places, leave = (
        shapes.get(key, ()) for key in ("encoder.fc_1.weight", "Transformer.pos_embedding", "fcn.1.weight")
    )
    if len(enter) != 3 or len(places) != 3 or len(leave) != 3:
        kind = " (it is one of the first stage, a masked model)" if "mask_token" in shapes else ""
        raise InputError(f"{name} is not a P-STMO checkpoint{kind}: it has no 'fcn' after its encoders")
    frames, reducing = places[1], layer_count(shapes, "Transformer_reduce.model.layers.")
    if not strides:
        strides = PUBLISHED_STRIDES.get(frames, ())
        if len(strides) != reducing:
            strides = (3,) * reducing
    if math.prod(strides) != frames or len(strides) != reducing:
        raise InputError(f"{name} has {reducing} layers for {frames} frames, whose strides Kinema does not know")
    sizes = PSTMOSizes(
        frames=frames,
        joints_in=enter[1] // COORDINATES,
        joints_out=leave[0] // 3,
        width=places[2],
        inner=shapes.get("Transformer.model.layers.0.feed_forward.w_1.weight", (0,))[0],
        spatial=enter[0],
        layers=layer_count(shapes, "Transformer.model.layers."),
        strides=strides,
    )
    expected = expected_shapes(sizes)
    require_shapes(shapes, expected, "P-STMO", name)
    return sizes


def expected_shapes(sizes: PSTMOSizes) -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint of these sizes but the counters of its norms."""
    d, reduce = sizes.width, "Transformer_reduce.model"
    shapes = {
        **pose_encoder_shapes(sizes.joints_in, sizes.spatial, d),
        **encoder_shapes("Transformer.model", sizes.layers, d, sizes.inner),
        **encoder_shapes(reduce, len(sizes.strides), d, sizes.inner, taps=(1, 3)),
        **head_shapes("fcn", d, 3 * sizes.joints_out),
        **head_shapes("fcn_1", d, 3 * sizes.joints_out),
        "Transformer.pos_embedding": (1, sizes.frames, d),
    }
    return shapes | {f"{reduce}.pos_embedding_{i + 1}": (1, sizes.frames, d) for i in range(PLACED)}


def pose_encoder_shapes(joints: int, spatial: int, width: int) -> dict[str, tuple[int, ...]]:
    """The tensors of the encoder of single poses."""
    shapes: dict[str, tuple[int, ...]] = {
        "encoder.fc_1.weight": (spatial, joints * COORDINATES, 1),
        "encoder.fc_1.bias": (spatial,),
        "encoder.fc_2.weight": (width, spatial, 1),
        "encoder.fc_2.bias": (width,),
    }
    for layer in ("w1", "w2"):
        shapes |= {
            f"encoder.layers.0.{layer}.weight": (spatial, spatial, 1),
            f"encoder.layers.0.{layer}.bias": (spatial,),
        }
    for norm in ("bn_1", "layers.0.batch_norm1", "layers.0.batch_norm2"):
        shapes |= {f"encoder.{norm}.{part}": (spatial,) for part in _NORM}
    return shapes


def encoder_shapes(
    name: str, layers: int, width: int, inner: int, taps: tuple[int, int] | None = None
) -> dict[str, tuple[int, ...]]:
    """The tensors of a transformer's layers. taps: of the two feed-forward layers where they are filters over time."""
    ends: tuple[tuple[int, ...], tuple[int, ...]] = ((), ()) if taps is None else ((taps[0],), (taps[1],))
    shapes: dict[str, tuple[int, ...]] = {f"{name}.norm.{part}": (width,) for part in ("a_2", "b_2")}
    for i in range(layers):
        layer = f"{name}.layers.{i}"
        for k in range(4):
            shapes |= {
                f"{layer}.self_attn.linears.{k}.weight": (width, width),
                f"{layer}.self_attn.linears.{k}.bias": (width,),
            }
        shapes |= {
            f"{layer}.feed_forward.w_1.weight": (inner, width, *ends[0]),
            f"{layer}.feed_forward.w_1.bias": (inner,),
            f"{layer}.feed_forward.w_2.weight": (width, inner, *ends[1]),
            f"{layer}.feed_forward.w_2.bias": (width,),
        }
        for k in range(2):
            shapes |= {f"{layer}.sublayer.{k}.norm.{part}": (width,) for part in ("a_2", "b_2")}
    return shapes


def head_shapes(name: str, width: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """The tensors of a norm and a linear layer."""
    return {
        **{f"{name}.0.{part}": (width,) for part in _NORM},
        f"{name}.1.weight": (outputs, width, 1),
        f"{name}.1.bias": (outputs,),
    }


def checked_tensors(
    tensors: Mapping[str, np.ndarray], name: str, strides: tuple[int, ...] = ()
) -> tuple[PSTMOSizes, dict[str, np.ndarray]]:
    """Sizes and tensors (float64, without the prefix `module.` and the norms' counters). Raises InputError."""
    plain = {key.removeprefix("module."): np.asarray(value) for key, value in tensors.items()}
    sizes = sizes_of({key: value.shape for key, value in plain.items()}, name, strides)
    require_finite(plain, name)
    return sizes, {k: v.astype(np.float64) for k, v in plain.items() if not k.endswith("num_batches_tracked")}


def layer_count(shapes: Mapping[str, tuple[int, ...]], prefix: str) -> int:
    """Number of layers whose tensors begin with this prefix."""
    return len({key[len(prefix) :].split(".")[0] for key in shapes if key.startswith(prefix)})
