"""The masked model as a torch module with the published parameter names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from kinema.models.pstmo.masked.sizes import MaskedSizes, sizes_of
from kinema.models.pstmo.network import Encoder, Norm, PoseEncoder, head
from kinema.models.pstmo.sizes import COORDINATES


class Filled(NamedTuple):
    """poses (B, T, J, 2): the frames that were seen, then the hidden ones. order (T,): the frame that each row is."""

    poses: Tensor
    order: Tensor


class MaskedPSTMO(nn.Module):
    """Windows (B, T, J, 2), of which it does not see everything -> `Filled`.

    dropout: in training.
    """

    def __init__(self, sizes: MaskedSizes, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.sizes = sizes
        d, e = sizes.width, sizes.decoder_width
        self.encoder = PoseEncoder(sizes.joints, sizes.spatial, d, dropout)
        self.Transformer = Encoder(sizes.layers, d, sizes.inner, dropout, sizes.frames)
        self.Transformer_dec = Encoder(sizes.decoder_layers, e, sizes.decoder_inner, dropout)
        self.encoder_to_decoder = nn.Linear(d, e, bias=False)
        self.encoder_LN = Norm(d)
        self.fcn_dec = head(e, COORDINATES * sizes.joints)
        self.dec_pos_embedding = nn.Parameter(torch.randn(1, sizes.frames, e))
        self.mask_token = nn.Parameter(torch.randn(1, 1, e))
        self.spatial_mask_token = nn.Parameter(torch.randn(1, 1, COORDINATES))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, dropout: float = 0.1, name: str = "weights") -> MaskedPSTMO:
        """The network of a state dict, in evaluation mode. Raises InputError if the state dict is another network's."""
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
        net = cls(sizes_of({key: tuple(value.shape) for key, value in tensors.items()}, name), dropout=dropout)
        net.load_state_dict(dict(tensors), strict=True)
        return net.eval()

    def forward(self, windows: Tensor, hidden_frames: Tensor, hidden_joints: Tensor) -> Filled:
        """hidden_frames (T,), hidden_joints (T, J): bool, the same for all windows."""
        shown = torch.where(hidden_joints[..., None], self.spatial_mask_token, windows)
        tokens = self.encoder(shown.flatten(2).transpose(1, 2)).transpose(1, 2) + self.Transformer.pos_embedding
        seen, hidden = torch.nonzero(~hidden_frames)[:, 0], torch.nonzero(hidden_frames)[:, 0]
        tokens = self.encoder_to_decoder(self.encoder_LN(self.Transformer(tokens[:, seen])))
        order = torch.cat([seen, hidden])
        blank = self.mask_token.expand(len(windows), len(hidden), -1)
        filled = self.Transformer_dec(torch.cat([tokens, blank], dim=1) + self.dec_pos_embedding[:, order])
        poses = self.fcn_dec(filled.transpose(1, 2)).transpose(1, 2).unflatten(-1, (-1, COORDINATES))
        return Filled(poses, order)
