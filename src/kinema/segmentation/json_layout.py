"""COCO's JSON with run-length encoded masks.

Written: `images`, `annotations` (`image_id` is the frame's number from 1, `track_id` the person) and `categories`,
which pycocotools opens. Read as well: a list of results (`image_id`, `segmentation`), annotations of whole videos
(`segmentations`, one or null for each frame, as YouTube-VIS has them), and lists over frames of lists over people.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kinema.errors import InputError, quoted
from kinema.segmentation.entries import masks_from
from kinema.segmentation.masks import Masks
from kinema.segmentation.rle import box_of, decoded
from kinema.storage.atomic import atomic_path
from kinema.storage.json_file import load_json
from kinema.storage.text import json_text

_PERSON = 1
_MOST_FRAMES = 10**7


def read_json(path: Path) -> Masks:
    """The masks of a `.json`. Raises InputError."""
    value = load_json(path)
    images: list[Any] = []
    if isinstance(value, dict):
        images, value = value.get("images", []), value.get("annotations")
    if not isinstance(value, list) or not value:
        raise InputError(f"{path} is not a file of masks: it must hold annotations, or a list over frames")
    if not all(isinstance(each, dict) for each in value):
        return _by_frame(value, path)
    if "segmentations" in value[0]:
        return _by_video(value, path)
    if "segmentation" not in value[0]:
        return masks_from([[frame] for frame in value], str(path), semantic=True)
    return _by_annotation(value, images, path)


def _by_frame(frames: list[Any], path: Path) -> Masks:
    for index, frame in enumerate(frames):
        if not isinstance(frame, list):
            raise InputError(f"{path} is not a file of masks: frame {index} is not a list of masks")
    return masks_from(frames, str(path))


def _by_video(annotations: list[dict[str, Any]], path: Path) -> Masks:
    people = [each for each in annotations if each.get("category_id", _PERSON) == _PERSON]
    lists = [each.get("segmentations") for each in people]
    lengths = {len(each) if isinstance(each, list) else -1 for each in lists}
    if len(lengths) != 1 or -1 in lengths:
        raise InputError(f"{path}: its people need `segmentations`, all with one item for each frame")
    if len({str(each.get("video_id")) for each in people}) > 1:
        raise InputError(f"{path} holds masks of several videos; cut out those of one")
    return masks_from(list(zip(*(each for each in lists if each is not None), strict=True)), str(path))


def _by_annotation(annotations: list[dict[str, Any]], images: list[Any], path: Path) -> Masks:
    people = [each for each in annotations if each.get("category_id", _PERSON) == _PERSON]
    listed = [each.get("id") for each in images if isinstance(each, dict)] if isinstance(images, list) else []
    numbers = [_whole(each, "image_id", path) for each in people]
    # Without a list of images every frame up to the last that is named counts; they are numbered from 0 or from 1.
    known = sorted(each for each in listed if isinstance(each, int)) if listed else _all_up_to(numbers, path)
    place = {number: index for index, number in enumerate(known)}
    tracked = all("track_id" in each or "instance_id" in each for each in people)
    key = "track_id" if all("track_id" in each for each in people) else "instance_id"
    ids = sorted({_whole(each, key, path) for each in people}) if tracked else None
    frames: list[list[Any]] = [[None] * len(ids or ()) for _ in known]
    for annotation, number in zip(people, numbers, strict=True):
        if number not in place:
            raise InputError(f"{path}: an annotation is of image {number}, which is not among its images")
        row = frames[place[number]]
        if ids is None:
            row.append(annotation.get("segmentation"))
        else:
            person = ids.index(_whole(annotation, key, path))
            if row[person] is not None:
                raise InputError(f"{path}: person {ids[person]} has two masks in image {number}")
            row[person] = annotation.get("segmentation")
    together = ids is not None and len(ids) == 1 and all(each.get("iscrowd") == 1 for each in people)
    return masks_from(frames, str(path), ids=ids, semantic=together)


def _all_up_to(numbers: list[int], path: Path) -> list[int]:
    if not numbers:
        raise InputError(f"{path} holds no masks of people (category {_PERSON})")
    if max(numbers) > _MOST_FRAMES or min(numbers) < 0:
        raise InputError(f"{path}: image_id {max(numbers)} cannot be a frame's number")
    return list(range(0 if min(numbers) == 0 else 1, max(numbers) + 1))


def _whole(annotation: dict[str, Any], key: str, path: Path) -> int:
    value = annotation.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{path}: an annotation has the {key} {quoted(value)}, expected a whole number")
    return value


def write_json(masks: Masks, path: Path) -> None:
    """Write COCO's JSON; people who are not seen in a frame have no annotation there."""
    annotations: list[dict[str, Any]] = []
    for index, row in enumerate(masks.rows):
        for person, text in zip(masks.ids, row, strict=True):
            runs = decoded(text, masks.height, masks.width)
            box = box_of(runs, masks.height)
            if box is None:
                continue
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": index + 1,
                    "category_id": _PERSON,
                    "track_id": person,
                    "segmentation": {"size": [masks.height, masks.width], "counts": text.decode("ascii")},
                    "area": int(runs[1::2].sum()),
                    "bbox": box.tolist(),
                    "iscrowd": 1 if masks.semantic else 0,
                }
            )
    images = [{"id": index + 1, "width": masks.width, "height": masks.height} for index in range(len(masks))]
    value = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": _PERSON, "name": "person", "supercategory": "person"}],
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json_text(value, indent=None) + "\n", encoding="utf-8")
