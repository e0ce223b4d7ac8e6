"""A contact sheet of the tracked people with their numbers: a row for each person, at four times."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.atomic import atomic_path
from kinema.video import VideoReader
from kinema.visualization.attention import labelled, sheet

_TILES, _WIDTH, _HEIGHT = 4, 180, 240
"""Number of images of a person, and their size in pixels."""

_ROOM = 1.25
"""Side of the shown region relative to that of the box."""

_COLOUR = (255, 140, 0)
"""RGB of the frame around the person of an image."""


def write_sheet(motion: Motion, video: VideoReader, path: Path) -> None:
    """Write the contact sheet: a row for each person, at four times. Raises OutputError."""
    wanted: dict[int, list[tuple[Person, int, int]]] = {}
    for person in motion:
        for place, row in enumerate(shown_rows(person, motion)):
            wanted.setdefault(int(person.frames[row]), []).append((person, place, row))
    tiles: dict[tuple[int, int], np.ndarray] = {}
    last = max(wanted, default=-1)
    for frame in video:
        for person, place, row in wanted.get(frame.index, ()):
            (boxes,) = person.require("boxes")
            heading = headings(person, motion, video.slow_motion)[place]
            tiles[person.id, place] = labelled(
                tile(frame.image, boxes[row]), heading, clock(frame.time * video.slow_motion)
            )
        if frame.index >= last:
            break
    blank = np.zeros((_HEIGHT + 32, _WIDTH, 3), np.uint8)
    cells = [tiles.get((person.id, place), blank) for person in motion for place in range(_TILES)]
    encoded = cv2.imencode(".jpg", sheet(cells, _TILES)[..., ::-1])[1]
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def headings(person: Person, motion: Motion, slow_motion: float) -> tuple[str, ...]:
    """The line above each of a person's images: the number, when they are seen, nothing."""
    first, last = motion.times[person.frames[[0, -1]]] * slow_motion
    return (f"person {person.id}", f"{clock(first)} to {clock(last)}", *[""] * (_TILES - 2))


def shown_rows(person: Person, motion: Motion) -> list[int]:
    """Rows of a person's arrays that show them well: in each quarter of their time the observed row with the least
    overlap with others and, among these, the highest confidence."""
    (boxes,) = person.require("boxes")
    worth = np.zeros(len(person)) if person.confidence is None else person.confidence.astype(float)
    if person.observed is not None:
        worth = worth - 2.0 * ~person.observed
    for other in motion:
        if other.id == person.id:
            continue
        _, own, theirs = np.intersect1d(person.frames, other.frames, return_indices=True)
        (others,) = other.require("boxes")
        low = np.maximum(boxes[own, :2], others[theirs, :2])
        high = np.minimum(boxes[own, 2:], others[theirs, 2:])
        area = np.maximum(np.prod(boxes[own, 2:] - boxes[own, :2], axis=1), 1e-9)
        worth[own] -= np.prod(np.maximum(high - low, 0), axis=1) / area
    parts = [part for part in np.array_split(np.arange(len(person)), _TILES) if len(part)]
    return [int(part[np.nan_to_num(worth[part], nan=-9.0).argmax()]) for part in parts]


def tile(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The surroundings of a box (4,) x1 y1 x2 y2, `_WIDTH` x `_HEIGHT`, with the box drawn; black beyond the image."""
    centre, size = box.reshape(2, 2).mean(axis=0), np.maximum(box[2:] - box[:2], 1.0) * _ROOM
    factor = min(_WIDTH / size[0], _HEIGHT / size[1])
    shift = np.array([_WIDTH, _HEIGHT]) / 2 - factor * centre
    matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
    out = cv2.warpAffine(image, matrix, (_WIDTH, _HEIGHT), flags=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    corners = np.round(box.reshape(2, 2) * factor + shift).astype(int)
    cv2.rectangle(out, corners[0].tolist(), corners[1].tolist(), _COLOUR, 2)
    return out


def clock(seconds: float) -> str:
    """0:12.5"""
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"
