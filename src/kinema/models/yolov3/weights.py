"""The weights of YOLOv3 and YOLOv3-SPP, fetched from their author's address."""

from __future__ import annotations

from kinema.weights.entry import COCO_AND_IMAGENET, Entry, Licence
from kinema.weights.places import Download

DARKNET = Licence(
    key="darknet",
    name="YOLO licence (public domain); training data unclear",
    url="https://github.com/pjreddie/darknet/blob/master/LICENSE",
    summary="published without conditions; some of the images that it was trained on are for non-commercial research",
    unclear=True,
)


def _weights(name: str, what: str, size: int) -> Entry:
    return Entry(
        name=name,
        group=name,
        file=f"{name}.weights",
        what=what,
        licence=DARKNET,
        data=COCO_AND_IMAGENET,
        size=size,
        place=Download(f"https://pjreddie.com/media/files/{name}.weights", size=size),
    )


ENTRIES = (
    _weights("yolov3", "boxes of people", 248_007_048),
    _weights("yolov3-spp", "boxes of people, larger input", 252_209_544),
)
