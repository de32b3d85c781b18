"""Are the built-in animals worth looking at? Frozen embeddings against the default trained run, on the same queries.

    python benchmarks/demo_hardness.py [--seeds 0 1 2]

Each seed draws other animals and another split. The runs lie in runs/ as frozen<seed> and trained<seed>; those that are
finished are not computed again. Prints test values and the paired difference with its 95 % interval over individuals
(for these trained networks: one training seed each).
"""

import argparse

from whole_steps import make_run

from reid_lib.openset.answers import Answers
from reid_lib.openset.difference import measure_difference
from reid_lib.openset.resample import resample
from reid_lib.params.fields import EvaluateParams, TrainParams
from reid_lib.pipeline import drawing

METRICS = ("top1", "auroc", "geometric_mean")


def describe_difference(a, b, metric: str) -> str:
    """The paired difference of a metric of two results on test, a minus b, with its interval."""
    found = measure_difference([tuple(resample(Answers.of(results.predictions), metric=metric) for results in (a, b))])
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f}) {found.verdict}"


def compare(seed: int) -> list[str]:
    """Lines of the table for one seed."""
    data = {"dataset": "demo", "split_seed": seed}
    experiment, frozen = make_run(EvaluateParams(**data, image_size=160, scores="embedding", run_name=f"frozen{seed}"))
    _, trained = make_run(TrainParams(**data, run_name=f"trained{seed}"))
    lines = []
    for metric in METRICS:
        before, after = (r.metrics["test"]["overall"][metric]["value"] for r in (frozen, trained))
        interval = describe_difference(trained, frozen, metric)
        lines.append(f"{seed:4d}  {metric:15s}  {before:.3f}  {after:.3f}  {interval}")
    leak = drawing.measure_leak(experiment).set_index("split")["value"]
    lines.append(
        f"{seed:4d}  frozen top-1 under an encounter split {leak['encounter']:.3f}, random {leak['random']:.3f}"
    )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    lines = [line for seed in parser.parse_args().seeds for line in compare(seed)]
    print("\nseed  metric           frozen  trained  difference (95 %)", *lines, sep="\n")


if __name__ == "__main__":
    main()
