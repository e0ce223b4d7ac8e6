"""NLF with the goldens' seeded weights, and files like those of its release."""

from __future__ import annotations

import functools
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.goldens import goldens, recording, torch_tensors


def sizes() -> list[str]:
    """The recorded networks: folders with a manifest."""
    return sorted(path.parent.name for path in (goldens() / "nlf").glob("*/manifest.json"))


@functools.cache
def volume_arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The box's corners (3,) and the eigenvalues (1025,); one recording keeps them for all."""
    kept = recording(f"nlf/{eigenvalue_case()}/golden.npz")
    return kept["gps_box_min"], kept["gps_box_max"], kept["laplacian_eigenvalues"]


def eigenvalue_case() -> str:
    for name in sizes():
        with np.load(goldens() / "nlf" / name / "golden.npz") as file:
            if "laplacian_eigenvalues" in file.files:
                return name
    raise AssertionError("no recording of nlf has laplacian_eigenvalues")


def volume() -> Any:
    import torch

    from kinema.models.nlf.network import BodyVolume

    return BodyVolume.of(*(torch.from_numpy(each) for each in volume_arrays()))


@functools.lru_cache(maxsize=1)
def model(name: str) -> Any:
    """The crop model of a recording."""
    from kinema.models.nlf.network import CropModel

    return CropModel.from_tensors(torch_tensors(f"nlf/{name}/manifest.json"), volume())


def smallest() -> str:
    """The recorded network with the fewest tensors."""
    return min(sizes(), key=lambda name: len(json.loads((goldens() / "nlf" / name / "manifest.json").read_text())))


def write_data_files(path: Path, vertices: np.ndarray, joints: np.ndarray) -> Path:
    """An archive like `nlf_data_files.zip`."""
    low, high, eigenvalues = volume_arrays()
    arrays = {
        "canonical_nodes3": np.stack([low, high, (low + high) / 2]),
        "canonical_eigval3": eigenvalues,
        "canonical_verts/smpl": vertices,
        "canonical_joints/smpl": joints,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in arrays.items():
            with archive.open(f"nlf_data_files/{name}.npy", "w") as file:
                np.save(file, value)
    return path


def write_state_dict(path: Path, tensors: dict[str, Any]) -> Path:
    """A file like `nlf_s_crop.pt`, with the two parameters that inference does not read."""
    import torch

    unread = {"canonical_lefts": torch.zeros(5, 3), "canonical_centers": torch.zeros(4, 2)}
    torch.save({"model_state_dict": tensors | unread}, path)
    return path


def narrow_network(monkeypatch: Any) -> dict[str, Any]:
    """Seeded weights of a network of NLF's form whose backbone is so narrow that long clips can be run in tests; while
    the test lasts, it is one of the sizes."""
    import torch

    from kinema.models.nlf.facts import SIZES, Size, StageSize
    from kinema.models.nlf.network import CropModel

    widths = [
        (True, 1, 1, 8),
        (True, 2, 2, 8),
        (True, 2, 2, 12),
        (False, 2, 2, 16),
        (False, 2, 1, 16),
        (False, 2, 2, 24),
    ]
    monkeypatch.setitem(SIZES, "narrow", Size(256, 8, tuple(StageSize(*each, 1) for each in widths)))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return dict(CropModel("narrow").state_dict())


def write_small_body(path: Path) -> Path:
    """The free body with every ninth vertex, as an SMPL file: a tenth of the points to look for. Its joints are means
    of the vertices around them, and its triangles those that are left."""
    from scipy.spatial import cKDTree

    from kinema.body import load_body

    body = load_body()
    kept = np.arange(0, body.num_vertices, 9)
    tree = cKDTree(body.v_template[kept])
    faces = tree.query(body.v_template)[1][body.faces]
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])]
    regressor = np.zeros((24, len(kept)))
    for joint, near in enumerate(tree.query(body.J_template, 12)[1]):
        regressor[joint, near] = 1 / len(near)
    np.savez(
        path, v_template=body.v_template[kept], shapedirs=body.shapedirs[kept], weights=body.weights[kept],
        J_regressor=regressor, f=faces, kintree_table=np.stack([np.maximum(body.parents, 0), np.arange(24)]),
    )  # fmt: skip
    return path


def write_program(path: Path, *, tensors: dict[str, Any], without: str = "") -> Path:
    """A TorchScript program with the tensors where the release's has them, in half precision; it computes nothing.

    without: the end of an attribute's name that is left out.
    """
    import torch

    tree: dict[str, Any] = {}

    def put(key: str, value: Any) -> None:
        at = tree
        *path_, leaf = key.split(".")
        for part in path_:
            at = at.setdefault(part, {})
        at[leaf] = value

    for key, value in tensors.items():
        put(f"crop_model.{key}", torch.from_numpy(np.array(value)))
    low, high, eigenvalues = (torch.from_numpy(each) for each in volume_arrays())
    field = "crop_model.heatmap_head.weight_field."
    for key, value in {
        "gps_net.mini": low, "gps_net.maxi": high, "gps_net.center": (low + high) / 2,
        "r_sqrt_eigva": eigenvalues[1:].rsqrt(),
    }.items():  # fmt: skip
        if not without or not key.endswith(without):
            put(field + key, value)

    def module(branch: dict[str, Any]) -> torch.nn.Module:
        made = torch.nn.Module()
        for key, value in branch.items():
            if isinstance(value, dict):
                made.add_module(key, module(value))
            elif value.dtype.is_floating_point:
                made.register_buffer(key, value.half() if value.dim() > 1 else value)
            else:
                made.register_buffer(key, value)
        return made

    torch.jit.save(torch.jit.script(module(tree)), str(path))
    return path
