"""Does the fast way of training learn what a plain loop learns? The same network, batches and schedule, three seeds.

    python benchmarks/same_learning.py [--seeds 0 1 2] [--precision bf16]

The plain loop is what a tutorial writes: NCHW, float32, activations as they come, an AdamW that is neither fused nor
vectorised. The runs lie in runs/ as quick<seed> (of another precision quick-bf16-<seed>) and plain<seed>; those that
are finished are not computed again. Prints the losses of the last epoch, and test metrics with their paired difference
(95 % over individuals).
"""

import argparse

import torch
from demo_hardness import METRICS, describe_difference
from whole_steps import make_run

from reid_lib.params.fields import TrainParams
from reid_lib.train import learn
from reid_lib.train.optimiser import group_parameters
from reid_lib.train.schedule import Schedule


def plain_fit(model, loss, images, params, *, evaluate, prepare, save_best, run, **_) -> None:
    """`loop.fit` without anything that makes it quick, and without resume."""
    model.backbone.to(memory_format=torch.contiguous_format)
    prepare(model, loss)
    groups = group_parameters(
        model, loss, lr=params.lr, head_lr_factor=params.head_lr_factor, weight_decay=params.weight_decay
    )
    optimizer = torch.optim.AdamW(groups, foreach=False, fused=False)
    schedule = Schedule(optimizer, params, steps_per_epoch=images.steps(epoch=1))
    best = float("-inf")
    for epoch in range(params.num_epochs + 1):
        row = {"epoch": epoch}
        if epoch:
            row["train_loss"] = _plain_epoch(model, loss, images, optimizer, schedule, epoch)
        if epoch % params.eval_every == 0 or epoch == params.num_epochs:
            row |= evaluate(model, loss)
            schedule.after_evaluation(row["val_score"])
            if row["val_score"] > best:
                best = row["val_score"]
                save_best(model)
        run.add_epoch(row)
        print({name: round(value, 3) for name, value in row.items()}, flush=True)


def _plain_epoch(model, loss, images, optimizer, schedule, epoch: int) -> float:
    model.train()
    total = 0.0
    for batch in images.epoch(epoch):
        pixels = batch.on(torch.device("cpu"))[0].float()
        pixels = ((pixels / 255 - model.mean) / model.std).contiguous()
        value = loss(model.embed_features(model.backbone(pixels)), batch.labels)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.per_step.step()
        total += value.item() * len(batch.labels)
    return total / len(images)


def train_with(params, fit):
    """A run with this loop; its results."""
    before, learn.fit = learn.fit, fit  # the name that `learn` calls
    try:
        return make_run(params)
    finally:
        learn.fit = before


def compare(seed: int, precision: str) -> list[str]:
    """Lines of the table for one seed."""
    data = {"dataset": "demo", "seed": seed, "device": "cpu"}
    name = f"quick{seed}" if precision == "auto" else f"quick-{precision}-{seed}"
    quick_run, quick = train_with(TrainParams(**data, precision=precision, run_name=name), learn.fit)
    plain = {"precision": "fp32", "torch_compile": "never", "run_name": f"plain{seed}"}
    plain_run, slow = train_with(TrainParams(**data, **plain), plain_fit)
    lines = []
    for what in ("train_loss", "val_loss"):
        a, b = (e.run.history()[what].iloc[-1] for e in (quick_run, plain_run))
        lines.append(f"{seed:4d}  {what:15s}  {b:.3f}  {a:.3f}  {a - b:+.3f}")
    for metric in METRICS:
        before, after = (r.metrics["test"]["overall"][metric]["value"] for r in (slow, quick))
        interval = describe_difference(quick, slow, metric)
        lines.append(f"{seed:4d}  {metric:15s}  {before:.3f}  {after:.3f}  {interval}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"], help="of the quick runs")
    options = parser.parse_args()
    lines = [line for seed in options.seeds for line in compare(seed, options.precision)]
    print("\nseed  measure          plain  quick  difference (95 %)", *lines, sep="\n")


if __name__ == "__main__":
    main()
