"""The seeded checkpoint, the synthetic SMPL family and the recorded outputs of PARE's code."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from kinema.models.pare.crops import normalized
from kinema.models.pare.torch_run import Regressed
from tests.helpers.goldens import recording, seeded_tensors, smpl_maker
from tests.helpers.pare_samples import write_checkpoint

GENDERS = ("neutral", "male", "female")


@pytest.fixture(scope="session")
def recorded_network() -> dict[str, np.ndarray]:
    return recording("pare/golden.npz")


@pytest.fixture(scope="session")
def pipeline() -> dict[str, np.ndarray]:
    return recording("pare/pipeline.npz")


@pytest.fixture(scope="session")
def processing() -> dict[str, np.ndarray]:
    return recording("pare/processing.npz")


@pytest.fixture(scope="session")
def pare_tensors() -> dict[str, np.ndarray]:
    """The seeded state dict under the published names."""
    return seeded_tensors("pare/manifest.json")


@pytest.fixture(scope="session")
def checkpoint(pare_tensors, tmp_path_factory) -> Path:
    """A checkpoint file like the published ones: a Lightning pickle with foreign objects in addition to the weights."""
    torch = pytest.importorskip("torch")
    path = tmp_path_factory.mktemp("pare") / "pare_w_3dpw_checkpoint.ckpt"
    write_checkpoint(path, {name: torch.from_numpy(np.asarray(value)) for name, value in pare_tensors.items()})
    return path


@pytest.fixture(scope="session")
def estimator(checkpoint):
    """PARE on one CPU thread with the seeded weights, loaded from the file."""
    torch = pytest.importorskip("torch")
    from kinema.models.pare.torch_run import PareEstimator

    torch.set_num_threads(1)
    return PareEstimator(checkpoint, device="cpu")


class Remembering:
    """An estimator that looks at a crop once, however often it is asked about it."""

    def __init__(self, estimator) -> None:
        self.asked, self.known = estimator, {}
        self.device, self.path, self.sha256 = estimator.device, estimator.path, estimator.sha256

    def __call__(self, crops: np.ndarray, *, maps: bool = False) -> Regressed:
        return self.run(normalized(crops), maps=maps)

    def run(self, images: np.ndarray, *, maps: bool = False) -> Regressed:
        keys = [(image.tobytes(), maps) for image in images]
        new = {key: image for key, image in zip(keys, images, strict=True) if key not in self.known}
        if new:
            found = self.asked.run(np.stack(list(new.values())), maps=maps)
            names = [each.name for each in fields(found) if getattr(found, each.name) is not None]
            for row, key in enumerate(new):
                self.known[key] = {name: getattr(found, name)[row] for name in names}
        rows = [self.known[key] for key in keys]
        return Regressed(**{name: np.stack([row[name] for row in rows]) for name in rows[0]})


@pytest.fixture(scope="session")
def remembering(estimator) -> Remembering:
    return Remembering(estimator)


@pytest.fixture
def one_network(remembering, monkeypatch) -> None:
    """Commands use the network that is loaded already in place of one of their own."""
    for module in ("kinema.models.pare.torch_run", "kinema.models.pare.images", "kinema.pipeline.pare_demo"):
        monkeypatch.setattr(f"{module}.PareEstimator", lambda *_, **__: remembering)


@pytest.fixture(scope="session")
def release_folder(checkpoint: Path, tmp_path_factory) -> Path:
    """A `data` folder laid out like the PARE release's, with the seeded checkpoint and synthetic SMPL files."""
    maker = smpl_maker()
    data = tmp_path_factory.mktemp("release") / "data"
    bodies, checkpoints = data / "body_models" / "smpl", data / "pare" / "checkpoints"
    bodies.mkdir(parents=True)
    checkpoints.mkdir(parents=True)
    for gender in GENDERS:
        maker.write(bodies / f"SMPL_{gender.upper()}.pkl", maker.model(gender))
    (checkpoints / checkpoint.name).symlink_to(checkpoint)
    np.save(data / "J_regressor_extra.npy", maker.regressor(9, 901))
    np.save(data / "J_regressor_h36m.npy", maker.regressor(17, 1701))
    return data


@pytest.fixture(scope="session")
def definition(release_folder: Path):
    """The published joints on the synthetic neutral body."""
    from kinema.models.pare.joints import joint_definition
    from kinema.models.pare.release import PareRelease

    release = PareRelease(release_folder)
    return joint_definition(release.body(), release.file("J_regressor_extra.npy"), release.file("J_regressor_h36m.npy"))
