"""SynSP (Wang et al., CVPR 2024): a transformer that refines pose sequences, of one or several views.

A clip of F frames is turned into tokens by a DCT over time; one branch is trained to be precise, the other to be
smooth; the final decoder attends most to frames where the two disagree least within the window and where the views
agree. Parameter names are the published ones (some are loaded and never used, as published), widths are read from the
tensors, and nothing in the weights fixes the window: any F up to 100 works.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from kinema.errors import InputError
from kinema.models.synsp.facts import POSITIONS
from kinema.models.synsp.sizes import SynSPSizes, cosines, synsp_sizes


class SynSPOutput(NamedTuple):
    """The network's outputs, each shaped like its input. final is the result; the other two are supervised as well."""

    precise: Tensor
    smooth: Tensor
    final: Tensor


class Attention(nn.Module):
    """Multi-head attention with residual and post-norm; the projections have no bias."""

    def __init__(self, sizes: SynSPSizes, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        wide = sizes.heads * sizes.head
        self.heads = sizes.heads
        self.w_qs = nn.Linear(sizes.width, wide, bias=False)
        self.w_ks = nn.Linear(sizes.width, wide, bias=False)
        self.w_vs = nn.Linear(sizes.width, wide, bias=False)
        self.fc = nn.Linear(wide, sizes.width, bias=False)
        self.layer_norm = nn.LayerNorm(sizes.width, eps=1e-6)
        self.dropout = nn.Dropout(dropout)
        self.attention_dropout = attention_dropout

    def forward(self, queries: Tensor, memory: Tensor) -> Tensor:  # (N,Q,d), (N,M,d) -> (N,Q,d)
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, x in ((self.w_qs, queries), (self.w_ks, memory), (self.w_vs, memory))
        )
        if self.training:
            mixed = nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=self.attention_dropout)
        else:  # the same in the published order of operations, whose rounding matters (`dct_as_published`)
            share = torch.softmax((q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2), dim=-1)
            mixed = share @ v
        result: Tensor = self.layer_norm(self.dropout(self.fc(mixed.transpose(1, 2).flatten(-2))) + queries)
        return result


class FeedForward(nn.Module):
    """Two layers on each token with a skip connection and post-norm."""

    def __init__(self, sizes: SynSPSizes, dropout: float) -> None:
        super().__init__()
        self.w_1 = nn.Linear(sizes.width, sizes.inner)
        self.w_2 = nn.Linear(sizes.inner, sizes.width)
        self.layer_norm = nn.LayerNorm(sizes.width, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layer_norm(x + self.dropout(self.w_2(torch.relu(self.w_1(x)))))
        return result


class Layer(nn.Module):
    """Attention (self, or cross-attention to a memory) and a feed-forward network."""

    def __init__(self, sizes: SynSPSizes, dropout: float, attention_dropout: float, *, across: bool) -> None:
        super().__init__()
        self.slf_attn = Attention(sizes, dropout, attention_dropout)
        if across:
            self.enc_attn = Attention(sizes, dropout, attention_dropout)
        self.pos_ffn = FeedForward(sizes, dropout)

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        mixed = self.slf_attn(x, x) if memory is None else self.enc_attn(x, memory)
        result: Tensor = self.pos_ffn(mixed)
        return result


class Positions(nn.Module):
    """The two published tables of sinusoids, stored with the weights."""

    pos_table: Tensor
    pos_table2: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("pos_table", sinusoids(width))
        self.register_buffer("pos_table2", sinusoids(width))


def sinusoids(width: int) -> Tensor:
    """(1, POSITIONS, width): sines in the even, cosines in the odd columns, as in "Attention is all you need"."""
    place = torch.arange(POSITIONS, dtype=torch.float64)[:, None]
    rate = torch.pow(10000.0, 2 * (torch.arange(width, dtype=torch.float64) // 2) / width)
    angle = place / rate
    angle[:, 0::2], angle[:, 1::2] = angle[:, 0::2].sin(), angle[:, 1::2].cos()
    return angle.float()[None]


class Stack(nn.Module):
    """A stack of layers. Its norm and its learned positions are in the published files and never used."""

    def __init__(self, sizes: SynSPSizes, dropout: float, attention_dropout: float, *, across: bool) -> None:
        super().__init__()
        if not across:
            self.position_embeddings = nn.Embedding(POSITIONS, sizes.width)
        self.position_enc = Positions(sizes.width)
        self.layer_stack = nn.ModuleList(
            Layer(sizes, dropout, attention_dropout, across=across) for _ in range(sizes.layers)
        )
        self.layer_norm = nn.LayerNorm(sizes.width, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def placed(self, x: Tensor, views: int) -> Tensor:
        """The layers on tokens (N, views*F, d) plus their frames' positional encoding, the same for every view."""
        table = self.position_enc.pos_table[:, : x.shape[1] // views].repeat(1, views, 1)
        result: Tensor = self(self.dropout(x + table))
        return result

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        for layer in self.layer_stack:
            x = layer(x, memory)
        return x


class SynSP(nn.Module):
    """Sequences (B,F,C) or (B,P,F,C) -> `SynSPOutput` of the same shape. F frames, P views of one person.

    as_published: rounds like the authors' code (`dct_as_published`); set when a checkpoint is loaded.
    """

    as_published = False

    def __init__(self, sizes: SynSPSizes, *, dropout: float = 0.2, attention_dropout: float = 0.1) -> None:
        super().__init__()
        self.sizes = sizes
        narrow, wide = sizes.width, 2 * sizes.width

        def enter() -> nn.Sequential:
            return nn.Sequential(nn.Linear(sizes.coordinates, narrow), nn.Linear(narrow, narrow))

        def leave() -> nn.Sequential:
            return nn.Sequential(nn.Linear(narrow, wide), nn.Linear(wide, sizes.coordinates))

        self.proj_i_p, self.proj_i_a, self.proj_i_2 = enter(), enter(), enter()
        self.proj_o_p, self.proj_o_a, self.proj_o_2 = leave(), leave(), leave()
        self.encoder_local = Stack(sizes, dropout, attention_dropout, across=False)
        self.encoder_global = Stack(sizes, dropout, attention_dropout, across=False)
        self.decoder = Stack(sizes, dropout, attention_dropout, across=True)
        self.decoder_2 = Stack(sizes, dropout, attention_dropout, across=True)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, name: str = "weights") -> SynSP:
        """The network of a state dict, in evaluation mode. Raises InputError if the state dict is another network's."""
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
        net = cls(synsp_sizes({key: tuple(value.shape) for key, value in tensors.items()}, name))
        try:
            net.load_state_dict(dict(tensors), strict=True)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{name} is not a SynSP checkpoint: {reason[:300]}") from None
        net.as_published = True
        return net.eval()

    def forward(self, x: Tensor) -> SynSPOutput:
        if x.dim() == 3:
            return SynSPOutput(*(part[:, 0] for part in self.views(x[:, None])))
        return self.views(x)

    def views(self, x: Tensor) -> SynSPOutput:
        """(B,P,F,C) -> the three outputs, each (B,P,F,C)."""
        batch, views, frames, channels = x.shape
        if frames > POSITIONS:
            raise InputError(f"SynSP takes windows of at most {POSITIONS} frames, found {frames}")
        spectrum = dct_as_published(x) if self.as_published and frames & (frames - 1) == 0 else dct(x)
        tokens = self.proj_i_a(spectrum)  # (B,P,F,d)
        own = tokens.flatten(0, 1)  # (B*P,F,d): the queries of both decoders
        local = self.encoder_local.placed(own, 1)
        shared = self.encoder_global.placed(tokens.flatten(1, 2), views)  # (B,P*F,d)
        shared = shared.repeat_interleave(views, 0)  # (B*P,P*F,d)
        memory = torch.cat([local, shared + agreement(x)], 1)
        common = self.decoder(own, memory)
        # The published network applies its last layer once more for each of two heads: equal but for dropout.
        last = self.decoder.layer_stack[-1]
        to_precise = last(common, memory) + own
        to_smooth = last(common, memory) + own if self.training else to_precise
        precise = self.proj_o_p(to_precise).unflatten(0, (batch, views))
        smooth = self.proj_o_a(to_smooth).unflatten(0, (batch, views))
        middle, apart = (precise + smooth).detach() / 2, (precise - smooth).detach() / 2
        memory = torch.cat([to_smooth, shared + agreement(middle) + quality(apart)], 1)
        final = self.proj_o_2(self.decoder_2(own, memory) + own).reshape(batch, views, frames, channels)
        return SynSPOutput(precise, smooth, final)


def dct(x: Tensor) -> Tensor:
    """DCT-II over the frames, not normalised: (..., F, C) -> (..., F, C)."""
    return torch.from_numpy(cosines(int(x.shape[-2]))).to(x) @ x


def dct_as_published(x: Tensor) -> Tensor:
    """`dct` with the authors' rounding, by a Fourier transform in float32: F a power of 2.

    Over long windows attention amplifies a rounding error in the seventh digit a hundred times, so that recorded
    outputs are reproduced only by the same order of operations.
    """
    frames = int(x.shape[-2])
    ends = torch.cat([x[..., ::2, :], x[..., 1::2, :].flip(-2)], dim=-2)
    real, imaginary = _fourier(list(ends.unbind(-2)), [torch.zeros_like(ends[..., 0, :])] * frames)
    angle = -torch.arange(frames, dtype=x.dtype, device=x.device)[:, None] * math.pi / (2 * frames)
    return 2 * (torch.stack(real, -2) * angle.cos() - torch.stack(imaginary, -2) * angle.sin())


def _fourier(real: list[Tensor], imaginary: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """The discrete Fourier transform of a list of values, radix 4, with one radix-2 step for odd powers of 2."""
    count = len(real)
    if count == 1:
        return real, imaginary
    radix = 4 if count.bit_length() % 2 else 2
    size = count // radix
    parts = [_fourier(real[j::radix], imaginary[j::radix]) for j in range(radix)]
    out_real, out_imaginary = [*real], [*imaginary]
    for k in range(size):
        turned = [_turned(a[k], b[k], j * k, count) for j, (a, b) in enumerate(parts)]
        for q, (a, b) in enumerate(_butterfly(turned)):
            out_real[k + q * size], out_imaginary[k + q * size] = a, b
    return out_real, out_imaginary


def _turned(real: Tensor, imaginary: Tensor, k: int, count: int) -> tuple[Tensor, Tensor]:
    """A complex number times exp(-2 pi i k / count)."""
    if k == 0:
        return real, imaginary
    cosine, sine = (float(np.float32(part(2 * math.pi * k / count))) for part in (math.cos, math.sin))
    return real * cosine + imaginary * sine, imaginary * cosine - real * sine


def _butterfly(x: list[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """The transform of 2 or 4 complex numbers."""
    if len(x) == 2:
        (a, b), (c, d) = x
        return [(a + c, b + d), (a - c, b - d)]
    (a, b), (c, d) = _butterfly(x[0::2])
    (e, f), (g, h) = _butterfly(x[1::2])
    return [(a + e, b + f), (c + h, d - g), (a - e, b - f), (c - h, d + g)]


def agreement(x: Tensor) -> Tensor:
    """Similarity of two views in each frame, 1 if identical: (B,P,F,C) -> (B*P, P*F, 1)."""
    apart = (x[:, :, None] - x[:, None]).square().mean(-1)  # (B,P,P,F)
    return torch.exp(-apart).flatten(0, 1).flatten(1).unsqueeze(-1)


def quality(apart: Tensor) -> Tensor:
    """How little the two branches differ, relative to the window's worst frame: (B,P,F,C) -> (B*P, P*F, 1).

    A view's own frames have its quality, the other views' frames 0.
    """
    size = apart.abs()
    worst = size.amax(2, keepdim=True)
    q = torch.exp(-(size + 1e-6) / (worst + 1e-5)).mean(-1)  # (B,P,F)
    own = torch.eye(q.shape[1], dtype=q.dtype, device=q.device)
    return (own[None, :, :, None] * q[:, :, None]).flatten(0, 1).flatten(1).unsqueeze(-1)


def in_published_order(out: SynSPOutput, *, views: int) -> tuple[Tensor, Tensor, Tensor]:
    """The tuple as the authors' code returns it: (precise, smooth, final), but (final, precise, smooth) for several
    views. Their evaluation takes index 2 and their loss treats 0/1/2 alike in both cases, so that the published
    multi-view numbers are those of `smooth`: parity with them requires this order.
    """
    return (out.precise, out.smooth, out.final) if views == 1 else (out.final, out.precise, out.smooth)
