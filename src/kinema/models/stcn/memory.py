"""The memory of STCN: cells of frames that were seen, with a key each and a value for each object.

Cheng et al. 2021, section 3.2 (negative squared distance as similarity). The number of cells is bounded, so neither the
memory nor the cost of a frame grows with a video. torch is imported when it is used.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kinema.models.stcn.facts import KEY, MEMORY, TEMPORARY, TOP, VALUE

if TYPE_CHECKING:
    from torch import Tensor

_AT_ONCE = 2**22
"""Similarities that are computed at once, which bounds the memory that a reading takes."""


class Cells:
    """Room for cells: keys (n,64) and values (P,n,512), of which `used` are filled."""

    def __init__(self, objects: int, room: int, like: Tensor) -> None:
        self.keys, self.values = like.new_empty(room, KEY), like.new_empty(objects, room, VALUE)
        self.used = self._oldest = 0

    def __len__(self) -> int:
        return self.used

    @property
    def room(self) -> int:
        return len(self.keys)

    def put(self, keys: Tensor, values: Tensor, places: Tensor | slice) -> None:
        self.keys[places], self.values[:, places] = keys, values

    def append(self, keys: Tensor, values: Tensor) -> None:
        """Put cells in free places."""
        self.put(keys, values, slice(self.used, self.used + len(keys)))
        self.used += len(keys)

    def replace_oldest(self, keys: Tensor, values: Tensor) -> None:
        """Put cells in free places, or else in those of the oldest frame."""
        if self.used < self.room:
            self._oldest = 0
            return self.append(keys, values)
        self.put(keys, values, slice(self._oldest, self._oldest + len(keys)))
        self._oldest = (self._oldest + len(keys)) % self.room


class Memory:
    """The permanent memory of up to `frames` frames, and the temporary one of the last `temporary` frames.

    When the permanent one is full, new frames overwrite cells at random, so that ever less of an old frame remains.
    objects: P. cells: of a frame. seed: of the choice of cells. like: a tensor of the type and device to use.
    """

    def __init__(
        self, objects: int, cells: int, like: Tensor, *, frames: int = MEMORY, temporary: int = TEMPORARY, seed: int = 0
    ) -> None:
        import torch

        self.permanent, self.temporary = Cells(objects, cells * frames, like), Cells(objects, cells * temporary, like)
        self._random = torch.Generator().manual_seed(seed)

    def add(self, key: Tensor, values: Tensor, *, temporary: bool = False) -> None:
        """A frame's key (1,64,h,w) and values (P,512,h,w)."""
        import torch

        keys, each = key[0].flatten(1).T, values.flatten(2).transpose(1, 2)
        kept = self.permanent
        if temporary:
            self.temporary.replace_oldest(keys, each)
        elif kept.used < kept.room:
            kept.append(keys, each)
        else:
            places = torch.randperm(kept.room, generator=self._random)[: len(keys)]
            kept.put(keys, each, places.to(keys.device))

    def forget(self) -> None:
        """Empty the temporary memory, for a frame that does not follow the one before."""
        self.temporary.used = 0

    def read(self, key: Tensor) -> Tensor:
        """What each object's values say (P,512,h,w) at the cells of a key (1,64,h,w)."""
        import torch

        height, width = key.shape[2:]
        query = key[0].flatten(1).T
        parts = [part for part in (self.permanent, self.temporary) if len(part)]
        keys = torch.cat([part.keys[: len(part)] for part in parts])
        out = query.new_empty(len(parts[0].values), len(query), VALUE)
        some = max(_AT_ONCE // len(keys), 1)
        for start in range(0, len(query), some):
            places, weights = nearest(keys, query[start : start + some])
            for own in range(len(out)):
                out[own, start : start + some] = self._mean(own, places, weights)
        return out.transpose(1, 2).reshape(len(out), VALUE, height, width)

    def _mean(self, own: int, places: Tensor, weights: Tensor) -> Tensor:
        """The values (q,512) of one object at places (q,k) of both memories, weighted (q,k)."""
        import torch

        border = len(self.permanent)
        values = self.permanent.values[own][places.clamp(max=max(border - 1, 0))]
        if len(self.temporary):
            later = places >= border
            values[later] = self.temporary.values[own][places[later] - border]
        return torch.einsum("qk,qkc->qc", weights, values)


def nearest(keys: Tensor, query: Tensor, *, top: int = TOP) -> tuple[Tensor, Tensor]:
    """The cells of a memory (q,k) that are most similar to each cell of an image, and their weights (q,k), sum 1.

    keys (n,64) of the memory, n at least k; query (q,64).
    """
    similarity = (2 * (query @ keys.T) - keys.square().sum(dim=1)) / math.sqrt(KEY)
    values, places = similarity.topk(min(top, len(keys)), dim=1)
    return places, values.softmax(dim=1)
