"""The files of NLF's release: weights as a state dict or inside the TorchScript program, and the canonical bodies.

    nlf_l_crop_0.3.2.pt              the crop model's state dict; it needs nlf_data_files.zip beside it
    nlf_l_multi_0.3.2.torchscript    the whole program: the same weights in half precision, and what they need
    nlf_data_files.zip               canonical vertices and joints of body models, the volume's nodes and eigenvalues

Nothing in them is executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

import numpy as np

from kinema.errors import InputError
from kinema.models.nlf.facts import EIGENFUNCTIONS
from kinema.storage.safe_npz import NpzArchive

if TYPE_CHECKING:
    from torch import Tensor

    from kinema.models.nlf.network import BodyVolume, CropModel

INSIDE = "crop_model."
"""Where the crop model lies in the TorchScript program."""

DATA_FILE = "nlf_data_files.zip"
PROGRAM = ".torchscript"
"""Ending of the program's file."""

EXPECTED = "nlf_l_multi.torchscript or nlf_l_crop.pt of NLF's release, or those of its small network"
_JOINTS = "canonical_joints"
_ZIP, _PICKLE = b"PK", b"\x80"
_NO_VOLUME = (
    "{} lacks the canonical body's volume, which the release keeps in "
    f"{DATA_FILE}; put it beside the weights, name it with `nlf_data`, or give the .torchscript, which holds it"
)
_FIELD = "heatmap_head.weight_field."
_LARGEST_COORDINATE = 10.0


def read_crop_model(path: str | Path, data: str | Path | None = None) -> CropModel:
    """The crop model of a weights file, for inference in float32.

    data: `nlf_data_files.zip`, needed with a `.pt`; by default the one beside it. Raises InputError for a file that is
    missing, corrupt or another network's, and UnsafeFileError.
    """
    from kinema.models.nlf.network import CropModel
    from kinema.storage.checkpoints import load_torch_checkpoint

    tensors = load_torch_checkpoint(path)
    if any(key.startswith(INSIDE) for key in tensors):
        inside = {key[len(INSIDE) :]: value for key, value in tensors.items() if key.startswith(INSIDE)}
        volume = _volume_inside(inside, str(path))
        return CropModel.from_tensors(_parameters(inside), volume, source=str(path))
    model = CropModel.from_tensors(tensors, source=str(path))
    beside = Path(path).with_name(DATA_FILE)
    if data is None and not beside.is_file():
        raise InputError(_NO_VOLUME.format(path))
    model.volume = read_volume(beside if data is None else data)
    return model


def require_whole(path: Path, data: Path | None) -> None:
    """Raise the InputErrors of `read_crop_model` that show at a glance: no file of torch, an archive that is cut off, a
    state dict without `data`."""
    with path.open("rb") as file:
        head = file.read(2)
    if head != _ZIP and (head[:1] != _PICKLE or path.suffix.lower() == PROGRAM):
        raise InputError(f"{path} is not a torch file; give {EXPECTED}")
    if head != _ZIP:
        return  # of an old torch, which says nothing of its end
    try:
        with ZipFile(path) as archive:
            program = any("/code/" in name for name in archive.namelist())
    except BadZipFile:
        raise InputError(f"{path} is corrupt or cut off; get a fresh copy of it") from None
    if data is None and not program:
        raise InputError(_NO_VOLUME.format(path))


def require_readable(path: Path, data: Path | None) -> None:
    """Raise what `read_crop_model` and `read_canonical_points` raise. Reads everything, and keeps nothing."""
    read_crop_model(path, data)
    if data is not None:
        read_canonical_points(data)


def _parameters(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of a program's tensors that a state dict of the network has: its other attributes are not weights."""
    parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return {key: value for key, value in tensors.items() if key.rpartition(".")[2] in parts}


def _volume_inside(tensors: Mapping[str, Tensor], name: str) -> BodyVolume:
    from kinema.models.nlf.network import BodyVolume

    keys = {"low": "gps_net.mini", "high": "gps_net.maxi", "scales": "r_sqrt_eigva"}
    missing = [f"{INSIDE}{_FIELD}{key}" for key in keys.values() if _FIELD + key not in tensors]
    if missing:
        raise InputError(f"{name} is not an NLF program: it lacks {missing[0]}; give the file of the release")
    low, high, scales = (tensors[_FIELD + key].float().reshape(-1) for key in keys.values())
    if len(low) != 3 or len(high) != 3 or len(scales) < EIGENFUNCTIONS or not bool((high > low).all()):
        raise InputError(
            f"{name} is not an NLF program: its canonical body has no volume; give the file of the release"
        )
    return BodyVolume(low, high, scales[:EIGENFUNCTIONS])


def read_volume(path: str | Path) -> BodyVolume:
    """The canonical body's volume from `nlf_data_files.zip`. Raises InputError."""
    import torch

    from kinema.models.nlf.network import BodyVolume

    with _data_files(path) as files:
        nodes, values = files["canonical_nodes3"], files["canonical_eigval3"].reshape(-1)
    nodes = checked_points(nodes, path, "canonical_nodes3.npy")
    good = (
        values.dtype.kind == "f" and len(values) > EIGENFUNCTIONS and bool(np.all(values[1 : EIGENFUNCTIONS + 1] > 0))
    )
    if not good or not bool(np.all(np.ptp(nodes, axis=0) > 0)):
        raise InputError(f"{path}: canonical_eigval3.npy or canonical_nodes3.npy is not NLF's; get a fresh copy of it")
    low, high = (torch.from_numpy(edge.astype(np.float32)) for edge in (nodes.min(axis=0), nodes.max(axis=0)))
    return BodyVolume.of(low, high, torch.from_numpy(values.astype(np.float32)))


def read_canonical_points(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V,3) and joints (J,3) of SMPL in the canonical body, metres, from `nlf_data_files.zip`.

    Raises InputError.
    """
    with _data_files(path) as files:
        vertices, joints = (
            checked_points(files[f"canonical_{kind}/smpl"], path, f"canonical_{kind}/smpl.npy")
            for kind in ("verts", "joints")
        )
    return vertices, joints


def read_joint_set(path: str | Path, name: str) -> np.ndarray:
    """The joints (J,3) of a body model in the canonical body, metres, from `nlf_data_files.zip`. Raises InputError."""
    with _data_files(path) as files:
        folder = f"{_JOINTS}/"
        known = sorted({each.rpartition(folder)[2] for each in files if folder in each})
        if name not in known:
            raise InputError(f"{path} has no joint set {name!r}; it has {', '.join(known[:30]) or 'none'}")
        return checked_points(files[f"{_JOINTS}/{name}"], path, f"{_JOINTS}/{name}.npy")


class _Files(Mapping[str, np.ndarray]):
    """The arrays of the archive by their paths, wherever in it its folder lies."""

    def __init__(self, archive: NpzArchive, path: str | Path) -> None:
        self._archive, self._path = archive, path

    def __getitem__(self, key: str) -> np.ndarray:
        names = [name for name in self._archive if name == key or name.endswith(f"/{key}")]
        if len(names) != 1:
            raise InputError(f"{self._path} is not {DATA_FILE} of NLF's release: it lacks {key}.npy; get a fresh copy")
        return self._archive[names[0]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._archive)

    def __len__(self) -> int:
        return len(self._archive)


@contextmanager
def _data_files(path: str | Path) -> Iterator[_Files]:
    with NpzArchive(Path(path)) as archive:
        yield _Files(archive, path)


def checked_points(values: np.ndarray, path: str | Path, name: str) -> np.ndarray:
    """Points (N,3) float64, metres. name: of the array in the file. Raises InputError for anything else."""
    fits = values.ndim == 2 and values.shape[1] == 3 and len(values) > 0 and values.dtype.kind in "fiu"
    if not fits or not bool(np.all(np.abs(values) < _LARGEST_COORDINATE)):
        raise InputError(f"{path}: {name} must be points (N, 3) in metres, found {values.shape} {values.dtype}")
    return np.asarray(values, dtype=np.float64)
