"""The weights of YOLOv3 and YOLOv3-SPP, which the user downloads from the author."""

from __future__ import annotations

from kinema.weights.entry import Entry, Licence

DARKNET = Licence(
    key="darknet",
    name="YOLO licence (public domain); training data unclear",
    url="https://github.com/pjreddie/darknet/blob/master/LICENSE",
    summary="published without conditions; trained on COCO and ImageNet, whose pictures have licences of their own",
    unclear=True,
)


def _weights(name: str, what: str, size: int) -> Entry:
    return Entry(
        name=name,
        group="yolov3",
        file=f"{name}.weights",
        what=what,
        licence=DARKNET,
        instructions=f"download https://pjreddie.com/media/files/{name}.weights",
        size=size,
    )


ENTRIES = (
    _weights("yolov3", "YOLOv3: boxes of people", 248_007_048),
    _weights("yolov3-spp", "YOLOv3-SPP: boxes of people, larger input", 252_209_544),
)
