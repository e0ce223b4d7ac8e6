"""Compare a result with ground truth: another motion, TRC markers, or joints in an .npz file.

python examples/05_compare_with_truth/main.py smpl_output.pkl truth.trc
"""

from __future__ import annotations

import sys

import kinema

MEASURES = {"mpjpe_mm": "MPJPE", "pa_mpjpe_mm": "PA-MPJPE"}


def main(result: str, truth: str) -> None:
    motion = kinema.load(result)
    print("method       " + "  ".join(f"{name:>10}" for name in MEASURES.values()) + "   (mm)")
    for method in (None, "whittaker", "savgol", "median"):
        refined = motion if method is None else kinema.refine(motion, method)
        scores = kinema.evaluate(refined, truth, frame="camera").total
        print(f"{method or 'as it is':<12} " + "  ".join(f"{scores[name]:10.1f}" for name in MEASURES))


if __name__ == "__main__":
    main(*sys.argv[1:3])
