"""Depth maps of a clip from files, or from a network, which give a camera's path its metres.

`.npz`: `depth` (N,h,w) metres along the optical axis, and `frames` (N,) if they are not all of the clip's frames in
order. A folder: a file for each frame, named by its number from 0 (`000123.npy`, `depth_123.png`): `.npy` (h,w) in
metres, or `.png` of 16 bits in millimetres. Maps may have any size; 0 and what is not finite is unknown.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from kinema.errors import InputError
from kinema.storage.safe_npz import load_npz
from kinema.storage.stored import StoredArray
from kinema.weights.cache import hashed

if TYPE_CHECKING:
    from kinema.models.metric_depth.onnx_run import DepthNetwork

_METRES = 1e-3
"""Of one step of a PNG."""


class DepthSource(Protocol):
    """Where depth maps come from: of which frames there are some, and those of the frames that are wanted."""

    def __contains__(self, frame: int) -> bool: ...

    def of(self, frames: Collection[int], images: Images) -> Iterator[tuple[int, np.ndarray]]:
        """Number and map (h,w) float32 of some frames, metres; 0 where it is not known. Raises InputError, KeyError."""
        ...


class Images(Protocol):
    """The clip's images in order: number, image (h,w,3) uint8 RGB, and where people are (h,w) bool."""

    def read(self, frames: range) -> Iterator[tuple[int, np.ndarray, np.ndarray]]: ...


class SeenDepth:
    """What a network sees in the clip's images, in any of them."""

    def __init__(self, network: DepthNetwork) -> None:
        self._network = network

    def __contains__(self, frame: int) -> bool:
        return True

    def of(self, frames: Collection[int], images: Images) -> Iterator[tuple[int, np.ndarray]]:
        """As `DepthSource.of`; the clip is read once."""
        wanted = set(frames)
        if wanted:
            for number, image, _ in images.read(range(min(wanted), max(wanted) + 1)):
                if number in wanted:
                    yield number, self._network(image)


class DepthMaps:
    """The maps of a file or folder. Raises InputError if it holds none."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._maps: np.ndarray | None = None
        if self.path.is_dir():
            self._files = self._numbered()
            return
        if not self.path.is_file():
            raise InputError(f"no depth maps {self.path}; give a folder of .npy or 16-bit .png, or an .npz")
        arrays = load_npz(self.path)
        maps = arrays.get("depth")
        if maps is None or maps.ndim != 3 or maps.dtype.kind not in "fiu" or not maps.size:
            raise InputError(f"{self.path} has no depth maps: an array `depth` (frames, height, width) is expected")
        frames = arrays.get("frames", np.arange(len(maps)))
        if frames.shape != (len(maps),) or frames.dtype.kind not in "iu":
            raise InputError(f"{self.path}: `frames` must be {len(maps)} frame numbers, one for each map of `depth`")
        self._maps = maps
        self._rows = {int(frame): row for row, frame in enumerate(frames)}

    def __contains__(self, frame: int) -> bool:
        return frame in (self._files if self._maps is None else self._rows)

    def of(self, frames: Collection[int], images: Images) -> Iterator[tuple[int, np.ndarray]]:
        """As `DepthSource.of`."""
        return ((number, self.frame(number)) for number in frames)

    def frame(self, frame: int) -> np.ndarray:
        """The map (h,w) float32 of a frame, metres; 0 where it is not known. Raises InputError, KeyError."""
        found = self._read(self._files[frame]) if self._maps is None else self._maps[self._rows[frame]]
        depth = np.asarray(found, np.float32)
        return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))

    def sha256(self) -> str:
        """Of the file, or of the names and contents of the folder's files."""
        if self._maps is not None:
            return hashed(self.path)
        each = (f"{path.name} {hashed(path)}" for _, path in sorted(self._files.items()))
        return hashlib.sha256("\n".join(each).encode()).hexdigest()

    def _numbered(self) -> dict[int, Path]:
        files: dict[int, Path] = {}
        for path in sorted(self.path.iterdir()):
            if path.suffix.lower() not in (".npy", ".png"):
                continue
            digits = re.search(r"(\d{1,9})$", path.stem)
            if digits is None:
                raise InputError(f"{path}: the name of a depth map ends in the number of its frame, such as 000123.npy")
            if int(digits[1]) in files:
                raise InputError(f"{path} and {files[int(digits[1])].name} are both depth maps of one frame")
            files[int(digits[1])] = path
        if not files:
            raise InputError(f"{self.path} holds no depth maps; .npy files or 16-bit .png files are expected")
        return files

    def _read(self, path: Path) -> np.ndarray:
        if path.suffix.lower() == ".npy":
            found = StoredArray(path).open()
        else:
            data = np.fromfile(path, np.uint8)
            image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
            if image is None or image.dtype != np.uint16:
                raise InputError(f"{path} is not a depth map: a PNG of 16 bits, in millimetres, is expected")
            found = image * np.float32(_METRES)
        if found.ndim != 2 or not found.size:
            raise InputError(f"{path} is not a depth map: it has shape {found.shape}, expected (height, width)")
        return found
