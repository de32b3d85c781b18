"""Where the time of a training step goes, and how much quicker it could be at most.

    python benchmarks/step_profile.py      # EfficientNet-Lite0, 160 px, batches of 32
    python benchmarks/step_profile.py --backbone resnet50 --px 210 --batch 16

Prints images/s of the steps of `train.loop`, the operators by their share of the time, and what the multiplications
of convolutions alone would take if they ran as fast as this machine multiplies large matrices: no float32 step can be
quicker than that.
"""

import argparse
import os
import time

import torch
from contend_train import draw_pixels, fit_pixels
from torch.utils.flop_counter import FlopCounterMode

KINDS = {
    "convolution, backward": ("convolution_backward", "conv_backward"),
    "convolution, forward": ("mkldnn_convolution", "cudnn_convolution", "thnn_conv", "_convolution"),
    "batch normalisation": ("batch_norm",),
    "activation": ("clamp", "relu", "hardtanh", "silu", "gelu", "threshold"),
    "optimiser": ("adam", "zero_"),
    "matrix product": ("mm", "linear"),
    "layout and copies": ("copy_", "clone", "contiguous", "to_copy"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--px", type=int, default=160)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = vars(parser.parse_args())
    torch.set_num_threads(options["threads"])
    pixels, labels = draw_pixels(options)

    rows, _ = fit_pixels(pixels, labels, options, epochs=3, augment=False)
    fastest = max(row["images_per_s"] for row in rows[1:])
    print(f"{options['backbone']}, {options['px']} px, batches of {options['batch']}: {fastest:.1f} images/s")

    with torch.profiler.profile() as profiler:
        fit_pixels(pixels, labels, options, epochs=2, augment=False)
    print_shares(profiler)

    flop, peak = flop_per_image(options), flop_per_second()
    print(
        f"\n{flop / 1e9:.1f} GFLOP an image and step, {fastest:.1f} images/s: {fastest * flop / 1e9:.0f} GFLOP/s.\n"
        f"Large matrices: {peak / 1e9:.0f} GFLOP/s, at which no step could do more than {peak / flop:.1f} images/s."
    )


def print_shares(profiler) -> None:
    """The kinds of operators by the time that they themselves take."""
    times: dict[str, float] = {}
    for event in profiler.key_averages():
        if event.key.startswith("aten::"):
            name = event.key.removeprefix("aten::")
            kind = next((kind for kind, parts in KINDS.items() if any(part in name for part in parts)), "all else")
            times[kind] = times.get(kind, 0.0) + event.self_cpu_time_total
    total = sum(times.values())
    for kind, spent in sorted(times.items(), key=lambda item: -item[1]):
        print(f"  {spent / total:5.1%}  {kind}")


def flop_per_image(options: dict) -> float:
    """Multiplications and additions of a step, forward and backward, for one image."""
    import timm

    network = timm.create_model(options["backbone"], num_classes=0)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.zeros(1, 3, options["px"], options["px"]))
    # Backward computes two products of the size of each in forward: for the input and for the weights. (The counter
    # itself takes depthwise convolutions for dense ones there.)
    return 3 * counter.get_total_flops()


def flop_per_second(n: int = 2048, repeats: int = 8) -> float:
    """What this machine reaches with a product of two n x n float32 matrices, the best of several."""
    a, b, best = torch.rand(n, n), torch.rand(n, n), 0.0
    for _ in range(repeats):
        begun = time.perf_counter()
        torch.mm(a, b)
        best = max(best, 2 * n**3 / (time.perf_counter() - begun))
    return best


if __name__ == "__main__":
    main()
