"""The masked model's sizes, read from a checkpoint's tensors, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kinema.errors import InputError
from kinema.models.pstmo.sizes import COORDINATES, encoder_shapes, head_shapes, layer_count, pose_encoder_shapes
from kinema.models.published_tensors import require_shapes

SHARED = ("encoder.", "Transformer.")
"""How the tensors begin that the second stage takes over."""


@dataclass(frozen=True)
class MaskedSizes:
    """The shape of one network: `PSTMOSizes` for the encoders; the decoder is half as wide and one layer shorter.

    decoder_width, decoder_inner, decoder_layers: of the decoder.
    """

    frames: int
    joints: int = 17
    width: int = 256
    inner: int = 512
    spatial: int = 512
    layers: int = 3
    decoder_width: int = 128
    decoder_inner: int = 256
    decoder_layers: int = 2


def sizes_of(shapes: Mapping[str, tuple[int, ...]], name: str = "weights") -> MaskedSizes:
    """Read the sizes from the shapes of the tensors. Raises InputError if they are not a masked model's."""
    enter, places, between = (
        shapes.get(key, ()) for key in ("encoder.fc_1.weight", "Transformer.pos_embedding", "encoder_to_decoder.weight")
    )
    if len(enter) != 3 or len(places) != 3 or len(between) != 2:
        raise InputError(f"{name} is not a checkpoint of P-STMO's first stage: it has no 'encoder_to_decoder'")
    sizes = MaskedSizes(
        frames=places[1],
        joints=enter[1] // COORDINATES,
        width=places[2],
        inner=shapes.get("Transformer.model.layers.0.feed_forward.w_1.weight", (0,))[0],
        spatial=enter[0],
        layers=layer_count(shapes, "Transformer.model.layers."),
        decoder_width=between[0],
        decoder_inner=shapes.get("Transformer_dec.model.layers.0.feed_forward.w_1.weight", (0,))[0],
        decoder_layers=layer_count(shapes, "Transformer_dec.model.layers."),
    )
    require_shapes(shapes, expected_shapes(sizes), "first-stage P-STMO", name)
    return sizes


def expected_shapes(sizes: MaskedSizes) -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint of these sizes but the counters of its norms."""
    d, e = sizes.width, sizes.decoder_width
    return {
        **pose_encoder_shapes(sizes.joints, sizes.spatial, d),
        **encoder_shapes("Transformer.model", sizes.layers, d, sizes.inner),
        **encoder_shapes("Transformer_dec.model", sizes.decoder_layers, e, sizes.decoder_inner),
        **head_shapes("fcn_dec", e, COORDINATES * sizes.joints),
        "Transformer.pos_embedding": (1, sizes.frames, d),
        "dec_pos_embedding": (1, sizes.frames, e),
        "mask_token": (1, 1, e),
        "spatial_mask_token": (1, 1, COORDINATES),
        "encoder_to_decoder.weight": (e, d),
        "encoder_LN.a_2": (d,),
        "encoder_LN.b_2": (d,),
    }
