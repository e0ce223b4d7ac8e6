"""The NLF video pipeline's mask files: a pickled list over frames.

Tracked people: of each frame a list of dictionaries `size`, `counts`, person k at index k. All people together: of each
frame one dictionary, with `zcounts` (compressed by zlib) in place of `counts`. Read without executing anything in them.
"""

from __future__ import annotations

import pickle
import zlib
from pathlib import Path

from kinema.errors import InputError
from kinema.segmentation.entries import masks_from
from kinema.segmentation.masks import Masks
from kinema.storage.atomic import atomic_path
from kinema.storage.safe_pickle import load_pickle


def read_pickle(path: Path) -> Masks:
    """The masks of a `.pkl`. Raises InputError, UnsafeFileError."""
    # Python 2's byte strings do not occur here, and latin1 keeps the bytes of run-length text.
    frames = load_pickle(path)
    if not isinstance(frames, (list, tuple)) or not frames:
        raise InputError(f"{path} is not a file of masks: it must hold a list with one item for each frame")
    if all(isinstance(frame, dict) for frame in frames):
        return masks_from([[frame] for frame in frames], str(path), semantic=True)
    for index, frame in enumerate(frames):
        if not isinstance(frame, (list, tuple)):
            raise InputError(f"{path} is not a file of masks: frame {index} is not a list of masks")
    return masks_from(frames, str(path))


def write_pickle(masks: Masks, path: Path) -> None:
    """Write a `.pkl` of that layout. The people's ids are their places: it has no room for them."""
    size = [masks.height, masks.width]
    frames: list[object] = []
    for row in masks.rows:
        if masks.semantic:
            frames.append({"size": size, "zcounts": zlib.compress(row[0])})
        else:
            frames.append([{"size": size, "counts": text} for text in row])
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        pickle.dump(frames, file, protocol=4)
