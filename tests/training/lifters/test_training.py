"""Training of lifters on small data sets: it learns, goes on after a stop to the same bits, its files are opened."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinema.__main__ import main  # noqa: E402
from kinema.datasets.h36m import read_dataset  # noqa: E402
from kinema.errors import InputError, UsageError  # noqa: E402
from kinema.lifting import LIFTERS, lift_keypoints  # noqa: E402
from kinema.lifting.inputs import to_screen  # noqa: E402
from kinema.lifting.lifting import lift_clip  # noqa: E402
from kinema.lifting.options import LiftOptions  # noqa: E402
from kinema.models.pstmo.masked.network import MaskedPSTMO  # noqa: E402
from kinema.models.pstmo.refine.numpy_run import NumpyRefine  # noqa: E402
from kinema.models.videopose3d.network import VideoPose3D  # noqa: E402
from kinema.motion import Motion  # noqa: E402
from kinema.person import Person  # noqa: E402
from kinema.skeleton import H36M17  # noqa: E402
from kinema.storage.checkpoints import load_checkpoint, load_torch_checkpoint  # noqa: E402
from kinema.training.lifters.clips import labelled_clips  # noqa: E402
from kinema.training.lifters.data import train_lifter  # noqa: E402
from kinema.training.lifters.data_options import LifterData  # noqa: E402
from kinema.training.lifters.options import LifterTraining  # noqa: E402
from kinema.training.lifters.pstmo import PSTMOTraining  # noqa: E402
from tests.helpers.lifter_datasets import motion, write_dataset, write_keypoints, write_positions  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]

SMALL = {
    "videopose3d": {"widths": "3,3", "channels": 64, "epochs": 5, "batch": 32, "dropout": 0.05},
    "pstmo-masked": {"frames": 9, "channels": 32, "layers": 1, "epochs": 5, "batch": 16, "hidden_frames": 0.6},
    "pstmo": {"frames": 9, "channels": 32, "layers": 1, "epochs": 4, "batch": 16},
    "pstmo-refine": {"epochs": 2, "batch": 16},
}
QUICK = {"learning_rate": 4e-3, "decay": 0.7}
P_STMO = {"frame_stride": 1, "dropout": 0.0, "flip": False}
TRAINED = "S1,S5,S6"


@pytest.fixture(scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("dataset")
    actions = tuple(f"Walking {take}" for take in range(4))
    return write_dataset(folder, frames=20, subjects=("S1", "S5", "S6", "S9"), actions=actions)


def data_of(files: tuple[Path, Path], **changes) -> LifterData:
    given = {"keypoints": files[1], "positions": files[0], "subjects": TRAINED, "test_subjects": "S9"}
    return LifterData(**given | changes)


def trained(files, out: Path, network: str, *, progress=lambda done, total: None, data=None, **changes) -> Path:
    small = QUICK | SMALL[network] | (P_STMO if network != "videopose3d" else {})
    options = LifterTraining.published(network, **small | changes)
    return train_lifter(data or data_of(files), options, out, say=lambda line: None, progress=progress)


def scores(out: Path) -> list[float]:
    return [row["score"] for row in json.loads((out / "training.json").read_text())["history"]]


def losses(out: Path) -> list[float]:
    return [row["loss"] for row in json.loads((out / "training.json").read_text())["history"]]


def mean_pose_error(files) -> float:
    """MPJPE, mm, on the held-out subject of the training subjects' mean pose in the camera's axes."""
    data = read_dataset(*files)
    poses, held = (labelled_clips(data, names, LifterTraining()).joints for names in (TRAINED.split(","), ["S9"]))
    poses[:, 0] = held[:, 0] = 0
    return 1000 * float(np.linalg.norm(held - poses.mean(axis=0), axis=-1).mean())


def lifted_error(checkpoint: Path, lifter: str, files) -> float:
    """The same of a checkpoint, opened and run as `kinema lift` does, without torch."""
    errors = []
    for clip in read_dataset(*files).clips(["S9"]):
        person = Person(
            id=1, frames=np.arange(len(clip.joints)), keypoint_set="h36m17", keypoints=clip.keypoints,
            keypoint_confidence=np.ones(clip.keypoints.shape[:2]),
        )  # fmt: skip
        times = np.arange(len(clip.joints)) / 50
        motion = Motion(times=times, width=clip.camera.width, height=clip.camera.height, people=(person,))
        result = lift_keypoints(motion, options=LiftOptions(method=lifter, checkpoint=checkpoint)).people[0].keypoints3d
        errors.append(np.linalg.norm(result - (clip.joints - clip.joints[:, :1]), axis=-1).mean())
    return 1000 * float(np.mean(errors))


@pytest.fixture(scope="module")
def masked(files, tmp_path_factory, one_thread) -> Path:
    return trained(files, tmp_path_factory.mktemp("masked"), "pstmo-masked")


@pytest.mark.slow
def test_videopose3d_learns_and_lifts_what_it_has_not_seen(files, tmp_path):
    result = trained(files, tmp_path, "videopose3d", epochs=6, decay=0.6, dropout=0.0)
    mean = mean_pose_error(files)
    assert scores(tmp_path)[-1] < 0.8 * mean  # 0.66 to 0.72 with three seeds
    assert mean < untrained(files, tmp_path / "none", "videopose3d")
    assert losses(tmp_path)[-1] < 0.5 * losses(tmp_path)[0]
    # Two runs of the same network, with and without torch; in the one the longer side of the image is -1 to 1, in the
    # other the width, as the authors have it: 1002 pixels for 1000.
    assert lifted_error(result, "videopose3d", files) == pytest.approx(scores(tmp_path)[-1], rel=0.05)
    assert result.name == "videopose3d_h36m.bin"


def untrained(files, out: Path, network: str) -> float:
    """The score where nothing is learned."""
    trained(files, out, network, epochs=1, learning_rate=1e-12, subset=0.2)
    return scores(out)[0]


@pytest.fixture(scope="module")
def lifter(files, masked, tmp_path_factory, one_thread) -> Path:
    return trained(files, tmp_path_factory.mktemp("pstmo"), "pstmo", data=data_of(files, start=masked))


@pytest.mark.slow
def test_p_stmo_learns_from_its_first_stage(files, lifter, tmp_path):
    mean, reached = mean_pose_error(files), min(scores(lifter.parent))
    assert reached < 0.8 * mean
    assert lifted_error(lifter, "pstmo", files) == pytest.approx(reached, rel=0.05)
    assert mean < untrained(files, tmp_path / "none", "pstmo")


@pytest.mark.slow
def test_the_refine_module_corrects_what_the_lifter_says(files, lifter, tmp_path):
    result = trained(files, tmp_path, "pstmo-refine", data=data_of(files, start=lifter))
    # The keypoints are exact and the root's depth is known, so that they tell much of x and y.
    assert min(scores(tmp_path)) < 0.9 * min(scores(lifter.parent))
    before, after = refined_errors(lifter, result, files)
    assert before == pytest.approx(min(scores(lifter.parent)), rel=1e-3)
    assert after == pytest.approx(min(scores(tmp_path)), rel=1e-3)


def refined_errors(lifter: Path, refine: Path, files) -> tuple[float, float]:
    """MPJPE, mm, of the lifter, and after the refine module, without torch."""
    network, module = LIFTERS.find("pstmo").opened(lifter), NumpyRefine(load_checkpoint(refine), name=refine.name)
    before, after = [], []
    for clip in read_dataset(*files).clips(["S9"]):
        screen = to_screen(clip.keypoints, clip.camera.width, clip.camera.height, clip.camera.width)
        lifted = lift_clip(network, screen, H36M17)
        corrected = module.corrected(lifted, screen, clip.joints[:, 0, 2], clip.camera.lens)
        lifted[:, 0] = corrected[:, 0] = 0
        true = clip.joints - clip.joints[:, :1]
        for errors, found in ((before, lifted), (after, corrected)):
            errors.append(1000 * np.linalg.norm(found - true, axis=-1).mean())
    return float(np.mean(before)), float(np.mean(after))


@pytest.mark.slow
def test_both_encoders_of_the_first_stage_are_taken_over(files, masked):
    clips = labelled_clips(read_dataset(*files), ["S1"], LifterTraining())
    options = LifterTraining.published("pstmo", **SMALL["pstmo"])
    tensors = load_torch_checkpoint(masked)
    net = PSTMOTraining(options, clips, None, "cpu", layout="h36m", initial=tensors, initial_name="m.pth").net
    own = net.state_dict()
    shared = [key for key in own if f"module.{key}" in tensors and not key.endswith("num_batches_tracked")]
    assert {key.split(".")[0] for key in shared} == {"encoder", "Transformer"}
    assert all(torch.equal(own[key], tensors[f"module.{key}"]) for key in shared)


@pytest.mark.slow
def test_the_first_stage_fills_in_hidden_joints(files, masked):
    """Better than the mean of all poses, which needs to see nothing."""
    keypoints = labelled_clips(read_dataset(*files), ["S9"], LifterTraining()).keypoints
    mean = np.linalg.norm(keypoints - keypoints.mean(axis=0), axis=-1).mean()
    assert min(scores(masked.parent)) < 0.75 * mean
    net = MaskedPSTMO.from_tensors(load_torch_checkpoint(masked))
    assert (net.sizes.frames, net.sizes.layers, net.sizes.decoder_layers) == (9, 1, 1)


@pytest.mark.slow
def test_unlabelled_clips_teach_the_trajectory_and_the_lengths_of_bones(files, tmp_path):
    data = data_of(files, subjects="S1", unlabelled="S5,S6")
    result = trained(files, tmp_path, "videopose3d", data=data, epochs=12, decay=0.8)
    trained(files, tmp_path / "alone", "videopose3d", data=data_of(files, subjects="S1"), epochs=12, decay=0.8)
    # Two more people, of other sizes, seen in 2D alone: 0.86 to 0.90 with three seeds.
    assert scores(tmp_path)[-1] < 0.95 * scores(tmp_path / "alone")[-1]
    # The first epoch is the warm-up; from then on the loss has the terms of the unlabelled clips.
    assert losses(tmp_path)[-1] < 0.55 * losses(tmp_path)[1]  # 0.50 to 0.51 by processor
    net = VideoPose3D.from_tensors(load_torch_checkpoint(result, key="model_traj"))
    assert (net.sizes.joints_in, net.sizes.joints_out) == (17, 1)


@pytest.mark.parametrize(
    "changes", [{"dense": True}, {"causal": True}, {"stride": 4}, {"downsample": 2, "subset": 0.5, "flip": False}]
)
def test_other_ways_to_train_videopose3d_learn(files, tmp_path, changes):
    result = trained(files, tmp_path, "videopose3d", data=data_of(files, subjects="S1"), epochs=4, **changes)
    assert losses(tmp_path)[-1] < 0.7 * losses(tmp_path)[0]
    sizes = VideoPose3D.from_tensors(load_torch_checkpoint(result)).sizes
    assert sizes.dense == ("dense" in changes)


class Stop(KeyboardInterrupt):
    """Ctrl-C."""


def stopping_at(step: int):
    def progress(done: int, total: int) -> None:
        if done == step:
            raise Stop

    return progress


@pytest.mark.slow
@pytest.mark.parametrize("network", [*SMALL, "semi"])
def test_a_stopped_training_goes_on_to_the_same_bits(files, lifter, tmp_path, network):
    semi = network == "semi"
    start = lifter if network == "pstmo-refine" else None
    data = data_of(files, subjects="S1", unlabelled="S5" if semi else None, start=start)
    network = "videopose3d" if semi else network
    given = {"epochs": 2, "save_every": 0.0, "subset": 0.5, "dropout": 0.1, "data": data}
    whole = trained(files, tmp_path / "whole", network, **given)
    for step in (2, 3):  # within the first epoch, and again
        with pytest.raises(Stop):
            trained(files, tmp_path / "parts", network, progress=stopping_at(step), **given)
    again = trained(files, tmp_path / "parts", network, **given)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    assert scores(tmp_path / "whole") == scores(tmp_path / "parts")
    a, b = (load_torch_checkpoint(path) for path in (whole, again))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_the_authors_programs_open_the_results(files, masked, tmp_path):
    """What their code does with a checkpoint: unpickle it with torch and load it strictly by these names."""
    path = trained(files, tmp_path / "v", "videopose3d", epochs=1, data=data_of(files, subjects="S1"))
    content = torch.load(path, weights_only=False)
    assert list(content) == [
        "epoch", "lr", "random_state", "optimizer", "model_pos", "model_traj", "random_state_semi",
    ]  # fmt: skip
    assert content["epoch"] == 1
    assert content["lr"] == pytest.approx(4e-3 * 0.7)
    assert isinstance(content["random_state"], np.random.RandomState)
    assert next(iter(content["model_pos"])) == "expand_bn.weight"  # the order that the optimiser's state goes by
    first = content["optimizer"]["state"][0]["exp_avg"]
    assert first.shape == content["model_pos"]["expand_bn.weight"].shape
    bare = torch.load(masked, weights_only=True)
    assert all(key.startswith("module.") for key in bare)


def test_the_command_trains_and_names_the_result(files, tmp_path, capsys):
    arguments = [
        "train", "lifter", "--keypoints", str(files[1]), "--positions", str(files[0]), "--subjects", "S1",
        "--test-subjects", "none", "--widths", "3", "--channels", "16", "--epochs", "2", "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    assert main([*arguments, "--threads", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("epoch 1 of 2: loss ")
    assert lines[-1] == str(tmp_path / "out" / "videopose3d_h36m.bin")
    assert main([*arguments, "--threads", "1"]) == 0  # it is done
    assert capsys.readouterr().out.splitlines() == [lines[-1]]
    assert main([*arguments, "--channels", "32"]) == 2
    assert "holds a training with other settings or data; give another folder with --out" in capsys.readouterr().err


def test_training_on_nothing_says_what_is_missing(capsys):
    assert main(["train", "lifter", "--out", "x"]) == 2
    assert "give the 2D file with --keypoints" in capsys.readouterr().err


def test_a_stop_says_how_to_go_on(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kinema.training.lifters.data.train", lambda *_, progress, **__: stopping_at(1)(1, 2))
    arguments = ["--keypoints", str(files[1]), "--positions", str(files[0]), "--subjects", "S1", "--out", str(tmp_path)]
    assert main(["train", "lifter", *arguments, "--test-subjects", "S9"]) == 130
    assert capsys.readouterr().err == "kinema: stopped; run the same command again to go on\n"


def test_the_published_settings_depend_on_the_network():
    small, large = (LifterTraining.published("pstmo-masked", layers=layers) for layers in (3, 4))
    assert (small.hidden_frames, small.hidden_joints, small.learning_rate) == (0.8, 2, 1e-4)
    assert (large.hidden_frames, large.hidden_joints, large.learning_rate) == (0.6, 3, 1e-4)
    small, large = (LifterTraining.published("pstmo", layers=layers) for layers in (3, 4))
    assert (small.learning_rate, large.learning_rate, small.decay, small.batch) == (7e-4, 1e-3, 0.97, 160)
    assert LifterTraining.published("videopose3d") == LifterTraining()


def refused(files, tmp_path, error, match: str, network: str = "videopose3d", *, data=None, **changes) -> None:
    with pytest.raises(error, match=match):
        trained(files, tmp_path / "no", network, data=data, **changes)


def test_data_that_cannot_be_trained_on_is_refused(files, tmp_path):
    refused(files, tmp_path, InputError, "has no subject 'S7'; it has S1, S5", data=data_of(files, subjects="S1,S7"))
    refused(files, tmp_path, InputError, "has no subject 'S11'", data=data_of(files, test_subjects="S11"))
    refused(files, tmp_path, UsageError, "S9 cannot be trained on and judged by", data=data_of(files, subjects="S1,S9"))
    refused(files, tmp_path, UsageError, "give its file with `positions`", data=data_of(files, positions=None))
    refused(files, tmp_path, InputError, "has no positions_3d", data=data_of(files, positions=files[1]))
    refused(files, tmp_path, InputError, "has no motion of S1", data=data_of(files, actions="Sitting"))
    refused(files, tmp_path, UsageError, "belongs to videopose3d", "pstmo", data=data_of(files, unlabelled="S5"))
    views = [np.zeros((20, 17, 2)) for _ in range(4)]
    views[2][7, 3, 1] = np.nan
    broken = data_of(files, keypoints=write_keypoints(tmp_path / "nan.npz", {"S1": {"Walking 0": views}}))
    refused(files, tmp_path, InputError, r"camera 2: .* not finite at \(7, 3, 1\)", data=broken)


def test_humaneva_is_trained_on_with_its_own_cameras(files, tmp_path):
    """No file of cameras is given; 15 joints make a checkpoint that HumanEva's test set is scored with."""
    rng = np.random.default_rng(0)
    subjects = ("Train/S1", "Validate/S1")
    poses = {each: {"Box 1 chunk0": motion(20, seed)[:, :15]} for seed, each in enumerate(subjects)}
    views = {each: {"Box 1 chunk0": list(rng.uniform(100, 400, size=(3, 20, 15, 2)))} for each in subjects}
    positions = write_positions(tmp_path / "3d.npz", poses)
    keypoints = write_keypoints(tmp_path / "2d.npz", views, joints=15, layout_name="humaneva15")
    data = LifterData(keypoints=keypoints, positions=positions, subjects="Train/S1", test_subjects="Validate/S1")
    result = trained(files, tmp_path, "videopose3d", data=data, epochs=2)
    assert np.isfinite(scores(tmp_path)).all()
    tensors = load_checkpoint(result)
    assert tensors["expand_conv.weight"].shape[1] == 2 * 15
    assert tensors["shrink.bias"].shape == (3 * 15,)


def test_keypoints_of_another_skeleton_are_refused_where_they_are_compared(files, tmp_path):
    rng = np.random.default_rng(0)
    takes = {f"Walking {take}": list(rng.uniform(200, 800, size=(4, 20, 17, 2))) for take in range(4)}
    subjects = dict.fromkeys(("S1", "S5", "S9"), takes)
    sides = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
    coco = write_keypoints(tmp_path / "coco.npz", subjects, layout_name="coco", keypoints_symmetry=sides)
    data = data_of(files, keypoints=coco, subjects="S1", unlabelled="S5")
    refused(files, tmp_path, InputError, r"coco.npz has others \(coco\); give keypoints of the same joints", data=data)
    # Lifting them is what the authors' network for ordinary video does.
    result = trained(files, tmp_path, "videopose3d", data=data_of(files, keypoints=coco, subjects="S1"), epochs=1)
    assert result.name == "videopose3d_coco.bin"


@pytest.mark.slow
def test_checkpoints_of_another_size_are_refused(files, masked, tmp_path):
    start = data_of(files, start=masked)
    for network, changes, message in [
        ("pstmo", {"channels": 64}, "pstmo_masked_h36m.pth is of another size: 'Transformer"),
        ("pstmo", {"frames": 27}, "is of another size: 'Transformer.pos_embedding'"),
        ("pstmo", {"layers": 2}, "is of another size: it has no 'Transformer.model.layers.1"),
        ("pstmo-masked", {"frames": 27}, "is of another size"),
    ]:
        refused(files, tmp_path, InputError, message, network, data=start, **changes)
    refused(files, tmp_path, InputError, "is not a VideoPose3D checkpoint", data=start)
    refused(files, tmp_path, InputError, "one of the first stage, a masked model", "pstmo-refine", data=start)
    refused(files, tmp_path, UsageError, "name its checkpoint with `start_from`", "pstmo-refine")
    refused(files, tmp_path, InputError, "there is no checkpoint", data=data_of(files, start=tmp_path / "nothing.pth"))


def test_a_damaged_state_is_named(files, tmp_path):
    (tmp_path / "state.pt").write_bytes(b"PK not a state")
    with pytest.raises(InputError, match=r"state.pt is not the state of a training .* remove it to start anew"):
        trained(files, tmp_path, "videopose3d", epochs=1, subset=0.2)


def test_a_loss_that_is_not_finite_ends_the_training(files, tmp_path):
    refused(files, tmp_path, InputError, "not finite in epoch 1; lower `learning_rate`", learning_rate=1e30)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": "3,4"}, "`widths` must be odd"),
        ({"widths": "three"}, "filter widths are numbers"),
        ({"network": "pstmo", "frames": 100}, "`window_size` must be one of 9, 27"),
        ({"network": "pstmo", "channels": 100}, "`channels` must be a multiple of 16"),
        ({"subset": 0.0}, r"`subset` must lie in \(0, 1\]"),
        ({"batch": 0}, "`batch` must be at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        LifterTraining(**changes)
