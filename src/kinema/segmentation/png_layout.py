"""Folders of PNG: one image a frame.

Written: a folder for each person (`person_1/000000.png`), white on black, since masks may overlap. Read as well:
images directly in the folder whose grey level or palette index is the person's number, 0 where nobody is (as DAVIS
has them), or which are black and white, for one person.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from pathlib import Path

import cv2
import numpy as np

from kinema.errors import InputError, OutputError, quoted
from kinema.segmentation.masks import Masks
from kinema.segmentation.rle import encode
from kinema.storage.atomic import explain_write_error
from kinema.storage.unreadable import unreadable

_WHITE = 255
_INDEXED = 3
"""PNG's colour type of images with a palette."""
_MOST_PEOPLE = 100
_PERSON = re.compile(r"\D*(\d{1,9})")
_TOGETHER = "people"
"""Name of the folder of masks of all people together."""


def read_folder(path: Path) -> Masks:
    """The masks of a folder of PNG. Raises InputError."""
    folders = sorted((each for each in path.iterdir() if each.is_dir()), key=_natural)
    folders = [each for each in folders if _images(each)]
    if not folders:
        return _labels(_images(path), path)
    if [each.name for each in folders] == [_TOGETHER]:
        return _people(folders, (1,), path, semantic=True)
    hits = [_PERSON.fullmatch(each.name) for each in folders]
    ids = tuple(int(hit[1]) for hit in hits if hit) if all(hits) else tuple(range(1, len(folders) + 1))
    return _people(folders, ids if len(set(ids)) == len(folders) else tuple(range(1, len(folders) + 1)), path)


def _people(folders: list[Path], ids: tuple[int, ...], path: Path, *, semantic: bool = False) -> Masks:
    files = [_images(each) for each in folders]
    for folder, own in zip(folders, files, strict=True):
        if len(own) != len(files[0]):
            raise InputError(
                f"{path}: {quoted(folder.name)} has {len(own)} images and {quoted(folders[0].name)} {len(files[0])};"
                " every person needs one for each frame"
            )
    size: tuple[int, int] | None = None
    rows = []
    for names in zip(*files, strict=True):
        images = [_read(name, size) for name in names]
        size = (images[0].shape[0], images[0].shape[1])
        for name, image in zip(names, images, strict=True):
            _require_size(name, image, size)
        rows.append(tuple(encode(image > 0) for image in images))
    assert size is not None
    return Masks(*size, tuple(rows), ids, semantic)


def _labels(files: list[Path], path: Path) -> Masks:
    """Images whose values are people's numbers; black and white ones are of one person."""
    if not files:
        raise InputError(f"{path} holds no .png images; give a folder of masks")
    size: tuple[int, int] | None = None
    found: list[dict[int, bytes]] = []
    for name in files:
        image = _read(name, size)
        size = (image.shape[0], image.shape[1])
        values = [int(value) for value in np.unique(image) if value]
        if len(values) > _MOST_PEOPLE:
            raise InputError(f"{name} has {len(values)} grey levels, so it is an image, not a mask")
        found.append({value: encode(image == value) for value in values})
    assert size is not None
    ids = sorted({value for each in found for value in each})
    if not ids:
        raise InputError(f"{path} holds no masks: all images are black")
    nothing = encode(np.zeros(size, bool))
    rows = tuple(tuple(each.get(value, nothing) for value in ids) for each in found)
    return Masks(*size, rows, (1,) if ids == [_WHITE] else tuple(ids))


def _read(name: Path, size: tuple[int, int] | None) -> np.ndarray:
    """Grey levels, or indices of a palette, of an image (H,W)."""
    try:
        data = name.read_bytes()
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except OSError as error:
        raise unreadable(name, error) from None
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{name} is not a complete PNG image; write it again")
    if image.ndim == 3:
        colours = _palette(data)
        image = cv2.cvtColor(image[..., :3], cv2.COLOR_BGR2GRAY) if colours is None else _indices(image, colours)
    if size is not None:
        _require_size(name, image, size)
    return np.asarray(image)


def _palette(data: bytes) -> np.ndarray | None:
    """The colours (n,3) RGB of a PNG with a palette, None for others."""
    if data[12:16] != b"IHDR" or data[25] != _INDEXED:
        return None
    place = data.find(b"PLTE")
    if place < 4:
        return None
    length = int.from_bytes(data[place - 4 : place], "big")
    return np.frombuffer(data[place + 4 : place + 4 + length // 3 * 3], np.uint8).reshape(-1, 3)


def _indices(image: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Where each colour of an image (H,W,3 or 4) BGR first stands among the colours (n,3) RGB: OpenCV reads
    images with a palette in colour."""
    weights = np.array([65536, 256, 1])
    values, first = np.unique(colours.astype(np.int64) @ weights, return_index=True)
    found = np.searchsorted(values, image[..., 2::-1].astype(np.int64) @ weights)
    return np.asarray(first[np.minimum(found, len(first) - 1)])


def _require_size(name: Path, image: np.ndarray, size: tuple[int, int]) -> None:
    if image.shape != size:
        raise InputError(
            f"{name} has {image.shape[1]}x{image.shape[0]} pixels, and the others {size[1]}x{size[0]}; all masks of"
            " a video need one size"
        )


def _images(folder: Path) -> list[Path]:
    return sorted((each for each in folder.iterdir() if each.suffix.lower() == ".png" and each.is_file()), key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]


def write_folder(masks: Masks, path: Path) -> None:
    """Write a folder of PNG, which appears when it is complete. Raises OutputError if it exists and is not empty."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputError(f"{path} exists already; choose another folder with `out`, or remove it")
    work = path.with_name(f".{path.name[:40]}-{uuid.uuid4().hex[:12]}")
    try:
        names = [_TOGETHER] if masks.semantic else [f"person_{person}" for person in masks.ids]
        for name in names:
            (work / name).mkdir(parents=True)
        for index in range(len(masks)):
            for name, mask in zip(names, masks.frame(index), strict=True):
                coded = cv2.imencode(".png", mask.astype(np.uint8) * _WHITE)[1]
                (work / name / f"{index:06d}.png").write_bytes(coded.tobytes())
        if path.exists():
            path.rmdir()
        os.replace(work, path)
    except OSError as error:
        raise explain_write_error(error, path) or error from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
