"""Who wants nothing but what is cleared for commercial use gets nothing else, and is told why."""

from __future__ import annotations

import re

import pytest

from kinema.__main__ import main
from kinema.errors import WeightsError
from kinema.pipeline import RunOptions
from kinema.pipeline.clearance import require_all_cleared
from kinema.pipeline.stages import chain
from kinema.weights import catalogue, hub, locate
from tests.helpers.onnx_networks import network_bytes

UNCLEARED = [entry for entry in catalogue.entries() if entry.licence.use != "any"]


@pytest.mark.parametrize("entry", UNCLEARED, ids=[entry.name for entry in UNCLEARED])
def test_everything_that_is_not_cleared_is_refused_by_name_with_the_reason(entry):
    with pytest.raises(WeightsError) as caught:
        require_all_cleared(True, networks=[entry.name])
    sentence = str(caught.value)
    assert sentence.startswith(f"{entry.name} is not cleared for commercial use ({entry.licence.name}")
    assert entry.licence.summary in sentence
    assert entry.data is None or entry.data.terms in sentence
    assert "\n" not in sentence


def test_what_is_cleared_passes():
    cleared = [entry.name for entry in catalogue.entries() if entry.licence.use == "any"]
    assert {"blazepose-detector", "blazepose-landmarks-full", "yolox-tiny-coco"} <= set(cleared)
    require_all_cleared(True, networks=cleared)
    require_all_cleared(False, networks=[entry.name for entry in UNCLEARED], files=["SMPL_NEUTRAL.pkl"])
    assert chain(RunOptions.of(commercial_only=True))


def test_a_run_is_refused_before_anything_is_done(capsys, tmp_path, cache):
    """Also with results of an earlier run at hand: the answer comes from the settings alone."""
    with pytest.raises(WeightsError, match=r"rtmpose-s-halpe26 is not cleared.*trained on body7"):
        chain(RunOptions.of(commercial_only=True, keypoints="rtmpose"))
    with pytest.raises(WeightsError, match="smoothnet-32 is not cleared"):
        chain(RunOptions.of(commercial_only=True, refine="smoothnet"))
    with pytest.raises(WeightsError, match=r"smpl-neutral is not cleared.*Meshcapade"):
        chain(RunOptions.of(commercial_only=True, body_model=tmp_path / "SMPL_NEUTRAL.pkl"))
    with pytest.raises(WeightsError, match=r"mine\.npz is not cleared .*Kinema does not know the licence of a file"):
        chain(RunOptions.of(commercial_only=True, body_model=tmp_path / "mine.npz"))


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["pare-demo", "--vid-file", "clip.mp4"], "pare is not cleared for commercial use .*--commercial-only"),
        (
            ["lift", "k.json", "--lifter", "videopose3d", "--lifter-checkpoint", "pretrained_h36m_detectron_coco.bin"],
            "pretrained_h36m_detectron_coco.bin is not cleared",
        ),
        (["lift", "k.json", "--body-model", "SMPL_NEUTRAL.pkl"], "smpl-neutral is not cleared"),
    ],
)
def test_commands_refuse_in_one_sentence(command, sentence, capsys, cache):
    assert main([*command, "--commercial-only"]) == 3
    error = capsys.readouterr().err
    assert re.search(sentence, error)
    assert error.count("\n") == 1


def test_the_environment_says_so_for_every_command(monkeypatch, capsys, cache, tmp_path):
    monkeypatch.setenv("KINEMA_COMMERCIAL_ONLY", "1")
    with pytest.raises(WeightsError, match="rtmpose-m is not cleared"):
        locate("rtmpose-m")
    path = tmp_path / "mine.onnx"
    path.write_bytes(network_bytes(outputs=("dets", "labels"), weights=10))
    with pytest.raises(WeightsError, match="yolox-l is not cleared"):
        hub.add("yolox-l", path)
    with pytest.raises(WeightsError, match="rtmpose-s-halpe26 is not cleared"):
        chain(RunOptions.of(keypoints="rtmpose"))
    assert main(["weights", "list", "yolox-l"]) == 0  # to look is free
    monkeypatch.setenv("KINEMA_COMMERCIAL_ONLY", "0")
    assert hub.add("yolox-l", path)
    monkeypatch.setenv("KINEMA_COMMERCIAL_ONLY", "1")
    with pytest.raises(WeightsError, match="yolox-l is not cleared"):
        locate("yolox-l")  # though it is there
