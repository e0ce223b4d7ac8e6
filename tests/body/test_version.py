"""Files of an earlier free body: known by the body's sha256, which stages keep, or by what older files recorded."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.body import load_body
from kinema.body.free import free_body_sha256
from kinema.body.loading import EARLIER_BODY, other_version
from kinema.motion import BODY_SHA256, Motion
from kinema.provenance import StageRecord
from kinema.refinement.options import TrackFitOptions
from kinema.refinement.stage import fit_tracks

EARLIER = "0" * 64


@pytest.fixture(scope="module")
def short(walk) -> Motion:
    return walk.slice(0.0, 0.4).replace(provenance=())


def test_todays_body_is_recorded_and_nothing_is_said(short, tmp_path):
    fitted = fit_tracks(short, load_body(), TrackFitOptions(polish=0))
    assert fitted.data[BODY_SHA256] == free_body_sha256() == load_body().sha256
    for suffix in ("pkl", "npz"):
        again = Motion.load(fitted.save(tmp_path / f"a.{suffix}"))
        assert again.data[BODY_SHA256] == free_body_sha256()
        assert other_version(again) is None
    assert other_version(short) is None


@pytest.mark.parametrize("suffix", ["pkl", "npz"])
@pytest.mark.parametrize("recorded", [True, False])
def test_an_earlier_body_is_known(short, tmp_path, suffix, recorded):
    """By the entry, or in files from before there was one by the stage that used the body; saved again, it stays."""
    if recorded:
        old = short.replace(data={BODY_SHA256: EARLIER})
    else:
        old = short.replace(provenance=(StageRecord("fit", "0.1", {}, {"free": EARLIER}),))
    motion = Motion.load(old.save(tmp_path / f"old.{suffix}"))
    assert other_version(motion) == EARLIER_BODY
    moved = motion.replace(provenance=()).save(tmp_path / f"moved.{suffix}")
    assert other_version(Motion.load(moved)) == EARLIER_BODY
    assert other_version(motion.replace(body_model="SMPL_NEUTRAL.pkl")) is None
    assert other_version(fit_tracks(motion, load_body(), TrackFitOptions(polish=0))) is None


def test_commands_say_so(short, tmp_path, capsys):
    old = short.replace(data={BODY_SHA256: EARLIER}).save(tmp_path / "old.pkl")
    for command in (
        ["export", str(old), "--format", "trc"],
        ["convert", str(old), str(tmp_path / "new.npz")],
        ["refine", str(old), "--method", "savgol", "--out", str(tmp_path / "smooth.pkl")],
        ["compare", str(old), str(old)],
    ):
        assert main(command) == 0, command
        assert "earlier free body" in " ".join(capsys.readouterr().out.split()), command
    assert np.isfinite(Motion.load(tmp_path / "new.npz").people[0].pose).all()
