"""COLMAP's sparse models: `cameras` and `images`, as text or binary (colmap.github.io/format.html).

X_camera = R @ X + t with the quaternion w, x, y, z. COLMAP has pixel centres at half-integers, so the principal point
is moved by half a pixel. The last number in an image's name is the frame: "frame_0012.png" is 12, which counts from 0
if there is an image 0, else from 1, as ffmpeg numbers images. The world has neither a metric scale nor a vertical. The
points are not read.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kinema.errors import InputError, quoted
from kinema.formats.camera_poses import CameraPoses, one_distortion
from kinema.geometry.camera_path import CameraPath, centres
from kinema.geometry.rotations import quaternion_to_matrix
from kinema.storage.budget import LONGEST_TEXT, Budget, Malformed
from kinema.storage.fields import LARGEST
from kinema.storage.text_lines import next_line

MODELS = {
    0: ("SIMPLE_PINHOLE", 3), 1: ("PINHOLE", 4), 2: ("SIMPLE_RADIAL", 4), 3: ("RADIAL", 5), 4: ("OPENCV", 8),
    5: ("OPENCV_FISHEYE", 8), 6: ("FULL_OPENCV", 12), 7: ("FOV", 5), 8: ("SIMPLE_RADIAL_FISHEYE", 4),
    9: ("RADIAL_FISHEYE", 5), 10: ("THIN_PRISM_FISHEYE", 12),
}  # fmt: skip
"""Names and numbers of parameters of COLMAP's camera models, by their number in binary files."""

READ = ("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV")
"""COLMAP's models that `Camera` can represent."""

_POINT = 24
"""Bytes of an image's point: two coordinates and the id of its 3D point."""


@dataclass(frozen=True, eq=False)
class _Lens:
    """size; matrix (3,3) with pixel centres at integers; distortion (n,) or None."""

    size: tuple[int, int]
    matrix: np.ndarray
    distortion: np.ndarray | None


@dataclass(frozen=True)
class _Image:
    """quaternion w, x, y, z; shift t; camera: its number; name: of the file."""

    quaternion: tuple[float, ...]
    shift: tuple[float, ...]
    camera: int
    name: str


def read_text(file: Path) -> CameraPoses:
    """The poses of images.txt with the lens of the cameras.txt beside it. Raises InputError, ShapeError."""
    cameras: dict[int, _Lens] = {}
    beside = file.with_name("cameras.txt")
    for where, words in _lines(beside):
        cameras[_whole(words, 0, where)] = _lens_of_words(words, where)
    images, points = [], False
    for where, words in _lines(file, keep_empty=True):
        points = not points
        if points:  # every second line lists the points that the image sees
            if not words:
                points = False
                continue
            images.append(_image_of_words(words, where))
    return _poses(cameras, images, file)


def _lines(file: Path, *, keep_empty: bool = False) -> Iterator[tuple[str, list[str]]]:
    """The words of each line that is not a comment, and its location. Raises InputError."""
    try:
        budget = Budget(file.stat().st_size)
        with file.open(encoding="utf-8") as stream:
            number = 0
            while line := next_line(stream, file, number := number + 1):
                if line.startswith("#") or not (keep_empty or line.strip()):
                    continue
                words = line.split(maxsplit=20)
                budget.values(len(words) + 1)
                yield f"{file}, line {number}", words
    except FileNotFoundError:
        raise InputError(f"there is no {file}, which COLMAP writes beside the images' file") from None
    except UnicodeDecodeError:
        raise InputError(f"{file} is not a COLMAP text file") from None
    except Malformed as error:
        raise InputError(f"{file} is not a COLMAP text file: {error}") from None


def _whole(words: list[str], place: int, where: str) -> int:
    word = words[place] if place < len(words) else ""
    if not re.fullmatch(r"-?[0-9]{1,18}", word):
        raise InputError(f"{where}: expected a whole number, found {quoted(word)}")
    return int(word)


def _floats(words: list[str], where: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in words)
    except ValueError:
        raise InputError(f"{where}: expected numbers, found {quoted(' '.join(words), 60)}") from None


def _lens_of_words(words: list[str], where: str) -> _Lens:
    model = words[1] if len(words) > 1 else ""
    size = _whole(words, 2, where), _whole(words, 3, where)
    return _lens(model, size, _floats(words[4:], where), where)


def _image_of_words(words: list[str], where: str) -> _Image:
    if len(words) < 10:
        raise InputError(f"{where}: expected an image's number, quaternion, position, camera and name")
    numbers = _floats(words[1:8], where)
    return _Image(numbers[:4], numbers[4:], _whole(words, 8, where), " ".join(words[9:]))


def read_binary(file: Path) -> CameraPoses:
    """The poses of images.bin with the lens of the cameras.bin beside it. Raises InputError, ShapeError."""
    cameras: dict[int, _Lens] = {}
    beside = file.with_name("cameras.bin")
    with _binary(beside) as (stream, budget, count):
        for _ in range(count):
            number, model, width, height = struct.unpack("<iiQQ", _bytes(stream, 24))
            name, parameters = MODELS.get(model, (f"number {model}", 0))
            budget.values(parameters + 4)
            numbers = struct.unpack(f"<{parameters}d", _bytes(stream, 8 * parameters))
            cameras[number] = _lens(name, (width, height), numbers, f"{beside}, camera {number}")
    images: list[_Image] = []
    with _binary(file) as (stream, budget, count):
        for _ in range(count):
            budget.values(12)
            _, *pose, camera = struct.unpack("<I7di", _bytes(stream, 64))
            name = _name(stream)
            (points,) = struct.unpack("<Q", _bytes(stream, 8))
            if _POINT * points > file.stat().st_size:
                raise EOFError
            stream.seek(_POINT * points, 1)
            images.append(_Image(tuple(pose[:4]), tuple(pose[4:]), camera, name))
    return _poses(cameras, images, file)


@contextmanager
def _binary(file: Path) -> Iterator[tuple[BinaryIO, Budget, int]]:
    """A binary file positioned after the number of its entries, and that number. Raises InputError, also for read
    errors."""
    try:
        budget = Budget(file.stat().st_size)
        with file.open("rb") as stream:
            (count,) = struct.unpack("<Q", _bytes(stream, 8))
            yield stream, budget, count
    except FileNotFoundError:
        raise InputError(f"there is no {file}, which COLMAP writes beside the images' file") from None
    except EOFError:
        raise InputError(f"{file} is incomplete, or not a COLMAP binary file") from None
    except Malformed as error:
        raise InputError(f"{file} is not a COLMAP binary file: {error}") from None


def _bytes(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def _name(stream: BinaryIO) -> str:
    """A name that ends with a zero byte."""
    found = bytearray()
    while (each := _bytes(stream, 1)) != b"\0":
        found += each
        if len(found) > LONGEST_TEXT:
            raise EOFError
    return found.decode("utf-8", "replace")


def _lens(model: str, size: tuple[int, int], numbers: tuple[float, ...], where: str) -> _Lens:
    """A camera's lens; numbers: the parameters of its model in COLMAP's order."""
    if model not in READ:
        known = ", ".join(READ)
        raise InputError(
            f"{where} has the model {quoted(model, 40, mark='')}, which is not supported; undistort the images with"
            f" COLMAP (known are {known})"
        )
    (count,) = (count for name, count in MODELS.values() if name == model)
    if len(numbers) != count or not np.isfinite(numbers).all() or max(map(abs, numbers)) > LARGEST:
        raise InputError(f"{where}: expected {count} finite parameters of the model {model}, found {len(numbers)}")
    simple = model in ("SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")
    fx, fy, cx, cy = (numbers[0], *numbers[:3]) if simple else numbers[:4]
    more = numbers[3:] if simple else numbers[4:]
    matrix = np.array([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]])
    coefficients = np.zeros(8 if len(more) > 4 else 4)
    coefficients[: len(more)] = more
    return _Lens(size, matrix, one_distortion(coefficients, where))


def _poses(cameras: dict[int, _Lens], images: list[_Image], file: Path) -> CameraPoses:
    if not images:
        raise InputError(f"{file} holds no image; the model is empty")
    frames, note = _frames([image.name for image in images], file)
    order = np.argsort(frames)
    images, frames = [images[row] for row in order], frames[order]
    unknown = sorted({image.camera for image in images} - set(cameras))
    if unknown:
        raise InputError(f"{file}: an image has the camera {unknown[0]}, which is not among the cameras")
    lenses = [cameras[image.camera] for image in images]
    if len({lens.size for lens in lenses}) > 1:
        raise InputError(f"{file}: its images have different sizes; give a model of one video")
    values = np.array([[*image.quaternion, *image.shift] for image in images])
    bounded = bool(np.all(np.abs(values) <= LARGEST))  # False for NaN, too
    if not (bounded and np.all(np.abs(np.linalg.norm(values[:, :4], axis=1) - 1) < 1e-2)):
        raise InputError(f"{file}: an image's pose is not finite, or its quaternion not of length 1")
    rotation = quaternion_to_matrix(values[:, [1, 2, 3, 0]])
    matrices = np.array([lens.matrix for lens in lenses])
    one = bool(np.ptp(matrices, axis=0).max() < 1e-9)
    given = [lens.distortion for lens in lenses]
    width = max((len(each) for each in given if each is not None), default=4)
    rows = np.array([np.zeros(width) if each is None else np.pad(each, (0, width - len(each))) for each in given])
    path = CameraPath(rotation, centres(rotation, values[:, 4:]), matrices[0] if one else matrices)
    return CameraPoses(
        path, numbers=frames, size=lenses[0].size, distortion=one_distortion(rows, str(file)), notes=note
    )


def _frames(names: list[str], file: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """The frame of each image (T,), from 0, and assumptions about their names. Raises InputError."""
    found = [re.findall(r"[0-9]+", Path(name).stem) for name in names]
    if not all(found):
        name = next(name for name, digits in zip(names, found, strict=True) if not digits)
        raise InputError(f"{file}: the image {quoted(name)} has no frame's number in its name")
    if max(len(digits[-1]) for digits in found) > 9:
        raise InputError(f"{file}: an image's name ends in a number too large for a frame's")
    numbers = np.array([int(digits[-1]) for digits in found])
    if len(np.unique(numbers)) < len(numbers):
        raise InputError(f"{file}: two images have the same number in their names; give a model of one video")
    if numbers.min() == 0:
        return numbers, ()
    return numbers - 1, (f"the image numbered 1 in {file.name} is taken for the first frame",)
