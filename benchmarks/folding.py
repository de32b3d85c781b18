"""How many images a CPU embeds a second: a network as it comes, folded, and handed over to oneDNN as well.

python benchmarks/folding.py                                  # random weights: the speed is the same
python benchmarks/folding.py resnet50:210 swin_tiny_patch4_window7_224:224
"""

import argparse
import statistics
import time

import timm
import torch

from reid_lib.embed.extract import CPU_BATCH
from reid_lib.nets.folding import fold_network
from reid_lib.nets.speed import reuse_memory

NETWORKS = (
    "tf_efficientnet_lite0:224", "mobilenetv3_large_100:224", "regnety_004:224", "efficientnet_b0:224", "resnet50:210",
    "convnext_tiny:224", "vit_small_patch16_224:224", "swin_tiny_patch4_window7_224:224",
)  # fmt: skip
IMAGES, ROUNDS = 64, 3


def measure_rate(network, images, batch: int) -> float:
    network(images[:batch])
    found = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for start in range(0, len(images), batch):
            network(images[start : start + batch])
        found.append(len(images) / (time.perf_counter() - begun))
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="BACKBONE:PX")
    reuse_memory()
    for each in parser.parse_args().networks:
        name, _, px = each.partition(":")
        torch.manual_seed(1)
        plain = timm.create_model(name, num_classes=0).eval().to(memory_format=torch.channels_last)
        images = torch.randn(IMAGES, 3, int(px), int(px)).to(memory_format=torch.channels_last)
        with torch.inference_mode():
            ways = {
                "plain": (plain, IMAGES),
                "folded": (fold_network(plain, images[:2]), CPU_BATCH),
                "by oneDNN": (fold_network(plain, images[:2], onednn_batch=CPU_BATCH), CPU_BATCH),
            }
            rates = [f"{way} {measure_rate(network, images, batch):.0f}" for way, (network, batch) in ways.items()]
        print(f"{each}: {', '.join(rates)} images/s", flush=True)


if __name__ == "__main__":
    main()
