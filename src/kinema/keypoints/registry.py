"""The keypoint sources by name. A new one is one module with a function that opens it, and one row."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from kinema.errors import InputError, UsageError
from kinema.keypoints.detectors import DEFAULT_DETECTOR, DETECTORS, DetectorRow
from kinema.keypoints.source import KeypointSource, OpenedSource
from kinema.models.detecting import Detecting
from kinema.registry import Registry

SUFFIX = ".onnx"
"""Ending of a user's own network, which may be given in place of a name."""

_PROGRAM = ".torchscript"
"""Ending of NLF's program, which may be given in place of a detector's name."""

_TORCH_FILES = (".pt", ".pth")

_BLAZEPOSE = "kinema.keypoints.blazepose"
_ONNX = "kinema.keypoints.onnx_sources"
_TORCH = "kinema.keypoints.torch_sources"

_VITPOSE = (("s", "small"), ("b", "base"), ("l", "large"), ("h", "huge"))
_COCO, _HALPE, _WHOLE = "17 keypoints", "26 keypoints, feet included", "133 keypoints of body, face and hands"
_SIMCC = (
    *((f"rtmpose-{size}", _COCO, "coco17") for size in ("t", "s", "m", "l", "l-384", "x-384")),
    *((f"rtmpose-{size}-halpe26", _HALPE, "halpe26") for size in ("t", "s", "m", "l", "x")),
    *((name, _WHOLE, "wholebody133") for name in ("dwpose-m", "dwpose-l-384", "rtmw-l-384")),
)


def _titled(name: str) -> str:
    """A network's name as its authors write it."""
    return name.replace("rtm", "RTM").replace("RTMw", "RTMW").replace("dw", "DW").replace("pose", "Pose", 1)


def _top_down(name: str, summary: str, joints: str) -> KeypointSource:
    """A source of one network, named like its weights, for one person at a time."""
    return KeypointSource(name, summary, joints, joint3d_set=None, open=f"{_ONNX}:open_source", weights=(name,))


SOURCES: Registry[KeypointSource] = Registry(
    "keypoint source",
    group="kinema.keypoints",
    rows=(
        KeypointSource(
            name="blazepose",
            summary="BlazePose GHUM full: 33 keypoints in 2D and 3D, own person detector, no torch (default)",
            joint_set="blazepose33",
            joint3d_set="blazepose33",
            open=f"{_BLAZEPOSE}:open_blazepose",
            weights=("blazepose-detector", "blazepose-landmarks-full"),
            detects=True,
        ),
        KeypointSource(
            name="blazepose-heavy",
            summary="BlazePose GHUM heavy: the same keypoints from a network four times as large",
            joint_set="blazepose33",
            joint3d_set="blazepose33",
            open=f"{_BLAZEPOSE}:open_blazepose",
            weights=("blazepose-detector", "blazepose-landmarks-heavy"),
            detects=True,
        ),
        KeypointSource(
            name="rtmpose",
            summary="RTMPose-s in 2D beside BlazePose in 3D: nearer to the truth in the image, slower",
            joint_set="blazepose33",
            joint3d_set="blazepose33",
            open="kinema.keypoints.rtmpose:open_rtmpose",
            weights=("blazepose-detector", "blazepose-landmarks-full", "rtmpose-s-halpe26"),
            detects=True,
        ),
        *(
            KeypointSource(
                name=f"{first}+rtmpose-s-halpe26",
                summary=f"{title} and RTMPose-s fused in 2D, BlazePose in 3D; in place of s also t, m, l and x",
                joint_set="fused59",
                joint3d_set="blazepose33",
                open="kinema.keypoints.fusion:open_fused",
                weights=("blazepose-detector", f"blazepose-landmarks-{size}", "rtmpose-s-halpe26"),
                detects=True,
            )
            for first, title, size in (
                ("blazepose", "BlazePose", "full"),
                ("blazepose-heavy", "BlazePose heavy", "heavy"),
            )
        ),
        *(_top_down(name, f"{_titled(name)} in 2D: {what}", joints) for name, what, joints in _SIMCC),
        *(_top_down(f"vitpose-{size}", f"ViTPose {word}: {_COCO}, by heatmaps", "coco17") for size, word in _VITPOSE),
        *(
            KeypointSource(
                name=f"rtmo-{size}",
                summary=f"RTMO-{size}: {_COCO} of everybody, in one pass over the image",
                joint_set="coco17",
                joint3d_set=None,
                open=f"{_ONNX}:open_source",
                weights=(f"rtmo-{size}",),
                detects=True,
            )
            for size in ("s", "m", "l")
        ),
        *(
            KeypointSource(
                name=f"hrnet-w{width}",
                summary=f"HRNet-W{width}: 17 keypoints in 2D, in torch",
                joint_set="coco17",
                joint3d_set=None,
                open=f"{_TORCH}:open_hrnet",
                weights=(f"hrnet-w{width}",),
                extra="torch",
                as_published=f"{_TORCH}:open_hrnet_as_published",
            )
            for width in (32, 48)
        ),
        KeypointSource(
            name="alphapose",
            summary="AlphaPose's FastPose (duc_se.pth): 17 keypoints in 2D, in torch, non-commercial",
            joint_set="coco17",
            joint3d_set=None,
            open=f"{_TORCH}:open_alphapose",
            weights=("alphapose",),
            extra="torch",
        ),
    ),
    aliases={"rtmpose-x": "rtmpose-x-halpe26"},
)
"""Every keypoint source."""


def find_source(name: str) -> KeypointSource:
    """The source of that name, of two names with a plus sign between them (`kinema.keypoints.fusion`), or of a user's
    network in an ONNX file. Raises UsageError for an unknown name."""
    if not name.lower().endswith(SUFFIX):
        first, plus, second = name.partition("+")
        if not plus or name in SOURCES.names():
            return SOURCES.find(name)
        from kinema.keypoints.fusion import fused_source

        return fused_source(name, SOURCES.find(first), SOURCES.find(second))
    from kinema.keypoints.onnx_sources import source_of_file

    return source_of_file(name)


def keypoint_file(name: str) -> Path | None:
    """The file or folder of keypoints that is given in place of a source's name; None for a source.

    A source's name comes first; what else has an ending or a folder in it, or exists, is a file, unless it is a
    network. Raises InputError if there is no such file.
    """
    path = Path(name)
    named = name in SOURCES.names() or name.lower().endswith(SUFFIX)
    if named or not (path.suffix or path.name != name or path.exists()):
        return None
    if not path.exists():
        raise InputError(
            f"there is no keypoint file {name}; check the path, or name a source such as blazepose or rtmpose"
        )
    return path


def find_detector(name: str) -> DetectorRow:
    """The detector of that name, of a user's network in an ONNX file, or in NLF's program. Raises UsageError for an
    unknown name."""
    if name.lower().endswith(_TORCH_FILES):
        raise UsageError(
            f"{name} is not a detector that can be read; give NLF's program (.torchscript), an ONNX file (of YOLOv8:"
            " `yolo export model=yolov8x.pt format=onnx`) or one of " + ", ".join(DETECTORS.names())
        )
    if name.lower().endswith(_PROGRAM):
        return DetectorRow(name, "the detector in a program of NLF", f"{_TORCH}:open_nlf_file", (), extra="torch")
    if not name.lower().endswith(SUFFIX):
        return DETECTORS.find(name)
    from kinema.keypoints.onnx_sources import detector_of_file

    return detector_of_file(name)


def networks_of(name: str, detector: str | None = None) -> tuple[str, ...]:
    """Names in the weights hub of all networks of the source `name`, including its detector or the one in its place;
    none for a file of keypoints."""
    if keypoint_file(name) is not None:
        return ()
    source = find_source(name)
    if detector is None and source.detects:
        return source.weights
    return tuple(dict.fromkeys((*source.weights, *find_detector(detector or DEFAULT_DETECTOR).weights)))


def files_of(name: str, detector: str | None = None) -> Mapping[str, str]:
    """sha256 by path of the user's files among a source and its detector. Raises InputError if one is missing."""
    paths = [each for each in (name, detector) if each is not None and each.lower().endswith((SUFFIX, _PROGRAM))]
    if not paths:
        return {}
    from kinema.keypoints.onnx_sources import file_of

    return {path: file_of(path).sha256 for path in paths}


def open_source(
    source: str | KeypointSource | OpenedSource,
    *,
    detector: str | None = None,
    detecting: Detecting | None = None,
    flip: bool = False,
    parity: bool = False,
    threads: int = 1,
) -> OpenedSource:
    """A source ready to run, with the detector of that name, its own, or the default.

    detecting: how the detector is used. flip: average what it sees in a person's region with the mirrored region's.
    parity: as the published program shows people to it, defects included. Raises UsageError for an unknown name, a
    source for which `parity` changes nothing or that cannot be flipped, a detector whose overlap cannot be chosen;
    WeightsError if networks are unavailable; InputError for unsuitable files.
    """
    if flip and parity:
        raise UsageError("`parity` is what the published program does, which mirrors nothing; leave out `flip`")
    if isinstance(source, str):
        source = find_source(source)
    if isinstance(source, KeypointSource):
        source = (_as_published(source) if parity else source).opened(threads=threads)
    if flip:
        source = _flipped(source)
    if detector is not None or source.detector is None:
        network, weights = find_detector(detector or DEFAULT_DETECTOR).opened(threads=threads)
        source = dataclasses.replace(source, detector=network, weights=(*source.weights, weights))
    if detecting is None or detecting == Detecting() or source.detector is None:
        return source
    from kinema.keypoints.mirrored import detecting_so

    return dataclasses.replace(source, detector=detecting_so(source.detector, detecting))


def _as_published(source: KeypointSource) -> KeypointSource:
    if source.as_published is None:
        able = ", ".join(row.name for row in SOURCES.built_in if row.as_published is not None)
        raise UsageError(
            f"`parity` changes nothing for the keypoints {source.name}; leave it out, or choose one of {able}"
        )
    return dataclasses.replace(source, open=source.as_published)


def _flipped(source: OpenedSource) -> OpenedSource:
    from kinema.keypoints.flipping import Flipped
    from kinema.keypoints.one_stage import OneStage

    if isinstance(source.estimator, OneStage):
        raise UsageError(
            f"`flip` needs a source that looks at each person alone; {source.about.name} sees everybody at once"
        )
    return dataclasses.replace(source, estimator=Flipped(source.estimator, source.joint_set, source.joint3d_set))
