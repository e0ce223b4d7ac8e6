"""How well the validator distinguishes honest from damaged motion, on motion it was calibrated on and on other motion.

    python benchmarks/validator_calibration.py [--every N] [--draw N] [--people] [--kinds NAME...] [--sets NAME...]

Prints false alarms (honest clips that do not PASS) by set and frame rate, with the measures that raised them, and
missed damage by kind and set, and by kind and frame rate, with n of m and the 95 % confidence interval of the whole.
`tools/validator_sets.py` says what the sets are; `kinema.quality.corruption` says what the kinds are, and which clips
each makes sense for.
--every N takes every Nth clip: all of them take half an hour of one core, every sixth five minutes. --draw N takes
other recordings, other made motion and other damage: figures on a draw that nobody looked at are on unseen motion.
--people also judges everybody in the calibration data by limits from all the others.

Exits with 1 if, on the sets never calibrated on, 3 % of the honest clips or more do not PASS, or 5 % or more of the
damage of some kind is missed in clips at their own frame rate.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy.stats import beta

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from benchmarks.accuracy_parts.data import DATA
from benchmarks.accuracy_parts.tables import heading, line
from calibrate_validator import calibrate, honest, load_clips
from validator_sets import NOT_OF_POINTS, RATES, at_rate, at_rates, damaged, damaged_files, held_out, on_a_floor

from kinema.motion import Motion
from kinema.quality import PASS, Limits, Validation, default_limits, validate_motion
from kinema.quality.corruption import CORRUPTIONS
from kinema.quality.limits import limits_from

FALSE_ALARMS, MISSED = 0.03, 0.05
PER_RATE = 2
"""Clips of each set that are damaged at every frame rate."""
SEED = 1000
"""Seed of the damage on held-out motion; that on calibration motion is 0."""


class Tally:
    """n of m."""

    def __init__(self) -> None:
        self.n = self.m = 0

    def add(self, counts: bool) -> None:
        self.n, self.m = self.n + counts, self.m + 1

    @property
    def share(self) -> float:
        return self.n / self.m if self.m else 0.0

    def interval(self) -> str:
        """The 95 % confidence interval of the share (Clopper and Pearson)."""
        low = beta.ppf(0.025, self.n, self.m - self.n + 1) if self.n else 0.0
        high = beta.ppf(0.975, self.n + 1, self.m - self.n) if self.n < self.m else 1.0
        return f"{100 * self.share:.1f} % ({100 * low:.1f}-{100 * high:.1f})"

    def __str__(self) -> str:
        return f"{self.n}/{self.m}" if self.m else "-"


def judge(clip: Motion, limits: Limits) -> Validation:
    """The validation of a clip; bones between points that are not joints are not judged."""
    if clip.people[0].pose_world is None and clip.body_model == "capture":
        limits = limits.replace(frames={m: t for m, t in limits.frames.items() if m not in NOT_OF_POINTS})
    return validate_motion(clip, limits=limits)


def reasons(validation: Validation) -> set[str]:
    """The measures that rule out PASS: those of severe problems, else the one with most bad frames."""
    severe = {problem.measure for problem in validation.all_problems() if problem.severe}
    if severe:
        return severe
    frames = Counter(problem.measure for problem in validation.all_problems())
    return {frames.most_common(1)[0][0]} if frames else set()


def false_alarms(sets: Iterable[tuple[str, float, list[Motion]]], limits: Limits) -> Tally:
    """Prints the table of honest clips that do not PASS, and returns their count over all sets."""
    columns = [f"{rate:g} fps" for rate in RATES]
    print(f"\nFalse alarms\n{heading(['set', *columns, 'all', 'by'])}")
    whole, counts, name_before = Tally(), {}, None
    by: Counter[str] = Counter()
    total = Tally()

    def finish() -> None:
        if name_before is not None:
            cells = (str(counts.get(rate, "-")) for rate in RATES)
            print(line([name_before, *cells, total.interval(), _counted(by)]), flush=True)

    for name, rate, clips in sets:
        if name != name_before:
            finish()
            name_before, counts, total, by = name, {}, Tally(), Counter()
        counts[rate] = Tally()
        for clip in clips:
            validation = judge(clip, limits)
            alarm = validation.verdict != PASS
            for tally in (counts[rate], total, whole):
                tally.add(alarm)
            by.update(reasons(validation) if alarm else ())
    finish()
    print(line(["all", *[""] * len(RATES), f"{whole.interval()} of {whole.m}", ""]))
    return whole


def missed(columns: dict[str, list[Motion]], kinds: Iterable[str], seed: int, limits: Limits) -> float:
    """Prints the table of damage that is not detected, by kind and column, and returns the largest share of a kind.

    Only clips that PASS before they are damaged count: in the others, something else would be detected.
    """
    columns = {
        name: [clip for clip in clips if judge(on_a_floor(clip, 0.0, foreign=False), limits).verdict == PASS]
        for name, clips in columns.items()
    }
    print(f"\nMissed damage\n{heading(['kind', *columns, 'all'])}")
    largest = 0.0
    for kind in kinds:
        cells, whole = [], Tally()
        for clips in columns.values():
            cell = Tally()
            for i, clip in enumerate(clips):
                copy = damaged(clip, kind, seed + i)
                if copy is not None:
                    wrong = judge(copy, limits).verdict not in CORRUPTIONS[kind].verdicts
                    cell.add(wrong)
                    whole.add(wrong)
            cells.append(str(cell))
        print(line([kind, *cells, f"{whole.interval()} of {whole.m}"]), flush=True)
        largest = max(largest, whole.share)
    return largest


def rates_of(clips: list[Motion]) -> dict[str, list[Motion]]:
    """The clips at several frame rates."""
    return {f"{rate:g} fps": [at_rate(clip, rate) for clip in clips] for rate in RATES}


def unseen(clips: list[Motion], subjects: np.ndarray) -> None:
    """Prints the same two shares of the calibration data, each person judged by limits from all the others."""
    alarms, misses = Tally(), Tally()
    for subject in np.unique(subjects):
        limits = limits_from(calibrate([clip for clip, name in zip(clips, subjects, strict=True) if name != subject]))
        for clip in (clip for clip, name in zip(clips, subjects, strict=True) if name == subject):
            alarms.add(judge(clip, limits).verdict != PASS)
            for kind, damage in CORRUPTIONS.items():
                copy = damaged(clip, kind, 0)
                if copy is not None:
                    misses.add(judge(copy, limits).verdict not in damage.verdicts)
    print(f"\nEach person judged by limits from the others: {alarms.interval()} false alarms, "
          f"{misses.interval()} missed damage")  # fmt: skip


def _counted(by: Counter[str]) -> str:
    return ", ".join(f"{measure} {count}" for measure, count in by.most_common(5))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of SOURCES.md")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth clip only")
    parser.add_argument("--draw", type=int, default=0, metavar="N", help="other recordings, made motion and damage")
    parser.add_argument("--people", action="store_true", help="also judge each person by limits from the others (slow)")
    parser.add_argument("--kinds", nargs="+", choices=list(CORRUPTIONS), default=list(CORRUPTIONS), metavar="KIND")
    parser.add_argument("--sets", nargs="+", metavar="SET", help="held-out sets, default all")
    args = parser.parse_args()
    some, limits = args.every, default_limits()
    # Some files of the capture begin with a T-pose, which is no movement.
    calibration = [clip for clip, _ in honest(load_clips(args.data / "mocap" / "cmu_train.npz"))]
    others = held_out(args.data, some, args.draw)
    others = {name: clips for name, clips in others.items() if args.sets is None or name in args.sets}

    seed = SEED * (1 + args.draw)
    print(f"## Never calibrated on: {sum(map(len, others.values()))} clips")
    alarms = false_alarms(at_rates(others, some, args.draw), limits).share
    share = missed(others, args.kinds, seed, limits)
    few_of_each = [clip for clips in others.values() for clip in clips[:PER_RATE]]
    missed(rates_of(few_of_each), args.kinds, seed, limits)
    for kind, clips in damaged_files(args.data).items():
        verdicts = Counter(judge(clip, limits).verdict for clip in clips)
        print(f"files damaged as they are, {kind}: {', '.join(f'{n} {verdict}' for verdict, n in verdicts.items())}")
    print(f"\n## Calibrated on: {len(calibration[::some])} clips")
    false_alarms([("cmu_train", 30.0, calibration[::some])], limits)
    missed({"cmu_train": calibration[::some]}, args.kinds, 0, limits)
    if args.people:
        with np.load(args.data / "mocap" / "cmu_train.npz", allow_pickle=False) as file:
            subjects = file["subject"]
        unseen(calibration, subjects)
    return 0 if alarms < FALSE_ALARMS and share < MISSED else 1


if __name__ == "__main__":
    sys.exit(main())
