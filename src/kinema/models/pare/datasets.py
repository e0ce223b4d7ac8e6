"""The datasets that PARE is evaluated on, in the `.npz` layout of its release, and the published results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kinema.errors import InputError, UsageError
from kinema.skeleton import NUM_BETAS, NUM_POSE
from kinema.storage.safe_npz import load_npz


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset of the release: paths of its labels and its images in the release's data folder."""

    labels: str
    images: str
    gendered: bool


DATASETS = {
    "3dpw": DatasetEntry("dataset_extras/3dpw_all_test_with_mmpose.npz", "dataset_folders/3dpw", True),
    "3doh": DatasetEntry("dataset_extras/3doh_test.npz", "dataset_folders/3doh", False),
}

PUBLISHED = {
    "3dpw": {
        "PARE, published": {"mpjpe_mm": 82.0, "pa_mpjpe_mm": 50.9, "v2v_mm": 97.9},
        "PARE with 3DPW, published": {"mpjpe_mm": 74.5, "pa_mpjpe_mm": 46.5, "v2v_mm": 88.6},
    }
}
"""Results as published by the authors, in millimetres."""

_TEST_SEQUENCES = """
flat_packBags_00 downtown_weeklyMarket_00 outdoors_fencing_01 downtown_walkBridge_01 downtown_enterShop_00
downtown_rampAndStairs_00 downtown_bar_00 downtown_runForBus_01 downtown_cafe_00 flat_guitar_01
downtown_runForBus_00 downtown_sitOnStairs_00 downtown_bus_00 downtown_arguing_00 downtown_crossStreets_00
downtown_walkUphill_00 downtown_walking_00 downtown_car_00 downtown_warmWelcome_00 downtown_upstairs_00
downtown_stairs_00 downtown_windowShopping_00 office_phoneCall_00 downtown_downstairs_00
"""
TEST_SEQUENCES = frozenset(_TEST_SEQUENCES.split())
"""3DPW's test sequences."""

_OCCLUDED_SEQUENCES = """
courtyard_backpack courtyard_basketball courtyard_bodyScannerMotions courtyard_box courtyard_golf
courtyard_jacket courtyard_laceShoe downtown_stairs flat_guitar flat_packBags outdoors_climbing
outdoors_crosscountry outdoors_fencing outdoors_freestyle outdoors_golf outdoors_parcours outdoors_slalom
"""
OCCLUDED_SEQUENCES = frozenset(_OCCLUDED_SEQUENCES.split())
"""3DPW's sequences with occlusion, by the first two words of their names."""


@dataclass(frozen=True, eq=False)
class PareDataset:
    """The labels of N images of one person each.

    name; imgname (N,) paths below `images`; center (N,2) pixels; scale (N,): height of the box over 200 pixels; pose
    (N,72) axis-angle; shape (N,10); gender (N,) "m" or "f", or None.
    """

    name: str
    images: Path
    imgname: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    pose: np.ndarray
    shape: np.ndarray
    gender: np.ndarray | None

    def __len__(self) -> int:
        return len(self.imgname)

    @property
    def sequences(self) -> list[str]:
        """The name of each image's sequence: its folder."""
        return [Path(str(name)).parent.name for name in self.imgname]

    def subsets(self) -> dict[str, np.ndarray]:
        """Subsets that are reported separately, (N,) bool each: 3DPW's test and occluded sequences."""
        if self.name != "3dpw":
            return {}
        sequences = self.sequences
        found = {
            "test sequences": np.array([name in TEST_SEQUENCES for name in sequences], dtype=bool),
            "occluded sequences": np.array(
                ["_".join(name.split("_")[:2]) in OCCLUDED_SEQUENCES for name in sequences], dtype=bool
            ),
        }
        return {name: rows for name, rows in found.items() if rows.any() and not rows.all()}

    def image(self, row: int) -> np.ndarray:
        """The image (H,W,3) uint8 RGB of a row. Raises InputError."""
        path = self.images / str(self.imgname[row])
        return read_stored_image(path)

    def take(self, rows: np.ndarray) -> PareDataset:
        """Some of the rows."""
        fields = {name: getattr(self, name)[rows] for name in ("imgname", "center", "scale", "pose", "shape")}
        return PareDataset(self.name, self.images, gender=None if self.gender is None else self.gender[rows], **fields)


def read_stored_image(path: Path) -> np.ndarray:
    """An image file as (H,W,3) uint8 RGB, as stored (EXIF orientation ignored). Raises InputError."""
    try:
        data = np.fromfile(path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
    except cv2.error:
        image = None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); give the folder of the images with `images`"
        ) from None
    if image is None:
        raise InputError(f"{path} is not an image that can be decoded; get a fresh copy of the dataset")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def load_dataset(name: str, labels: Path, images: Path) -> PareDataset:
    """Read the labels of a dataset. Raises UsageError for an unknown name, InputError for a malformed file.

    `pose_0yaw_inverseyz` takes precedence over `pose` if a file has both, as in the release's own reader.
    """
    if name not in DATASETS:
        raise UsageError(f"unknown data set {name!r}; known: {', '.join(DATASETS)}")
    if not labels.is_file():
        raise InputError(
            f"{labels} does not exist; name the data folder of the PARE release, or the .npz with `labels`"
        )
    content = load_npz(labels)
    pose_key = "pose_0yaw_inverseyz" if "pose_0yaw_inverseyz" in content else "pose"
    missing = [key for key in ("imgname", "center", "scale", pose_key, "shape") if key not in content]
    if missing:
        raise InputError(f"{labels} is not a dataset of the PARE release: it has no {', '.join(missing)}")
    count = len(content["imgname"])
    arrays = {}
    for key, shape in (("center", (2,)), ("scale", ()), (pose_key, (NUM_POSE,)), ("shape", (NUM_BETAS,))):
        try:
            value = np.asarray(content[key]).astype(np.float64)
        except (TypeError, ValueError):
            raise InputError(f"{labels}: {key} must be numbers") from None
        if value.shape != (count, *shape) or not np.all(np.isfinite(value)):
            raise InputError(f"{labels}: {key} has shape {value.shape}, expected finite numbers {(count, *shape)}")
        arrays[key] = value
    gender = np.array([_text(g) for g in content["gender"]]) if "gender" in content else None
    if gender is not None and len(gender) != count:
        raise InputError(f"{labels}: gender has {len(gender)} entries, expected {count}")
    return PareDataset(
        name=name, images=images, imgname=np.array([_text(n) for n in content["imgname"]]), center=arrays["center"],
        scale=arrays["scale"], pose=arrays[pose_key], shape=arrays["shape"], gender=gender,
    )  # fmt: skip


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def pieces(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` rows that cover `count` rows."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
