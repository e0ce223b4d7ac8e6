"""Locating the files of the PARE release: given by the user, in the release's `data` folder, or in the weights hub.

The release unpacks to `data/`: `pare/checkpoints/*.ckpt`, `body_models/smpl/SMPL_{NEUTRAL,MALE,FEMALE}.pkl`,
`J_regressor_extra.npy`, `J_regressor_h36m.npy`, `dataset_extras/*.npz`, `dataset_folders/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.body import BodyModel, load_body
from kinema.errors import InputError, WeightsError
from kinema.models.pare.facts import CHECKPOINTS
from kinema.weights import consent, hub
from kinema.weights.catalogue import find

_GENDERS = {"neutral": "SMPL_NEUTRAL.pkl", "male": "SMPL_MALE.pkl", "female": "SMPL_FEMALE.pkl"}
_BASIC = {
    "neutral": ("basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl", "basicModel_neutral_lbs_10_207_0_v1.0.0.pkl"),
    "male": ("basicmodel_m_lbs_10_207_0_v1.1.0.pkl", "basicmodel_m_lbs_10_207_0_v1.0.0.pkl"),
    "female": ("basicmodel_f_lbs_10_207_0_v1.1.0.pkl", "basicModel_f_lbs_10_207_0_v1.0.0.pkl"),
}
_BODY_FOLDERS = ("body_models/smpl", "body_models", "smpl", ".")


@dataclass(frozen=True)
class PareRelease:
    """data: the release's folder, or None."""

    data: Path | None = None

    def __post_init__(self) -> None:
        if self.data is not None and not Path(self.data).is_dir():
            raise InputError(f"{self.data} is not a folder; name the data folder of the PARE release")

    def checkpoint(self, wanted: str | Path | None = None) -> Path:
        """The checkpoint file. wanted: a path, a name of `CHECKPOINTS`, or None for the first available one.

        Raises a WeightsError that says what to get, from where and under which licence.
        """
        if consent.only_cleared():
            consent.require_cleared(find("pare"))
        if wanted is not None and str(wanted) not in CHECKPOINTS:
            path = Path(wanted)
            if not path.is_file():
                raise WeightsError(
                    f"{path} is not a file; give a checkpoint of PARE, or one of {', '.join(CHECKPOINTS)}"
                )
            return path
        names = [str(wanted)] if wanted is not None else list(CHECKPOINTS)
        for name in names:
            if self.data is not None:
                inside = self.data / "pare" / "checkpoints" / CHECKPOINTS[name]
                if inside.is_file():
                    return inside
            if hub.status(find(name)).state != "missing":
                return hub.locate(name).path
        entry = find(names[0])
        raise WeightsError(
            f"PARE's checkpoint is missing: {entry.instructions}, with `kinema weights add {entry.name}"
            f" {entry.file}`; it is licensed for {entry.licence.summary} ({entry.licence.url})"
        )

    def body_file(self, gender: str = "neutral") -> Path | None:
        """The SMPL file of a gender ("neutral", "male", "female"), or None if there is none."""
        for folder in _BODY_FOLDERS if self.data is not None else ():
            for name in (_GENDERS[gender], *_BASIC[gender]):
                path = Path(str(self.data)) / folder / name
                if path.is_file():
                    return path
        if gender == "neutral" and hub.status(find("smpl-neutral")).state not in ("missing", "licence"):
            return hub.locate("smpl-neutral").path
        return None

    def body(self, chosen: str | Path | None = None) -> BodyModel:
        """The neutral body: the user's file, the release's, the hub's, or else the free body."""
        path = self.body_file() if chosen is None else Path(chosen)
        return load_body(path)

    def gendered(self) -> dict[str, BodyModel]:
        """The bodies by the labels' gender, "m" and "f". Raises InputError if one is missing."""
        files = {"m": self.body_file("male"), "f": self.body_file("female")}
        if None in files.values():
            raise InputError("gendered ground truth needs SMPL_MALE.pkl and SMPL_FEMALE.pkl in DIR/body_models/smpl")
        return {letter: load_body(path) for letter, path in files.items()}

    def file(self, name: str) -> Path | None:
        """A file of the release by its path in the data folder, or None."""
        path = None if self.data is None else self.data / name
        return path if path is not None and path.is_file() else None


def body_note(body: BodyModel) -> str | None:
    """A note for the user about the body of a result; None for an SMPL file."""
    if body.name != "free":
        return None
    return (
        "the free body stands in for SMPL: poses keep their meaning, but PARE's betas are not used, since they belong"
        " to SMPL's own shapes; give an SMPL file with `body_model`, or `kinema weights add smpl-neutral FILE`"
    )


def betas_for(body: BodyModel, betas: np.ndarray) -> np.ndarray:
    """PARE's betas if the body is an SMPL file; zeros for the free body, whose shape space is different."""
    return np.zeros_like(betas) if body.name == "free" else betas
