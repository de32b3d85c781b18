"""What rounding costs and what it gains, by backbone: why `precision: auto` and embeddings are what they are.

    python benchmarks/precisions.py                            # the built-in animals
    python benchmarks/precisions.py --dataset wildlife:NyalaData --data_root ../shared/data/nyala --backbones resnet50

For each backbone: training steps in float32 and bfloat16 (images/s, random weights, the best of two rounds); and, for
the one whose weights are installed (with --hub for all), the lowest cosine of an image's embedding to the plain float32
one when the network is folded, rounded to bfloat16, both, or to float16.
"""

import argparse
import time

import numpy as np
import timm
import torch

from reid_lib.data import pixels as images
from reid_lib.data.catalogue import read_catalogue
from reid_lib.nets.backbones import PACKAGED
from reid_lib.nets.device import BF16, FP16, FP32, choose_device, is_narrow_depthwise
from reid_lib.nets.folding import fold_network
from reid_lib.nets.network import build_model
from reid_lib.nets.speed import out_of_place, reuse_memory

BACKBONES = (
    "tf_efficientnet_lite0", "efficientnet_b0", "mobilenetv3_large_100", "convnext_atto", "convnext_tiny",
    "tf_efficientnetv2_s", "regnety_004", "resnet18", "resnet50", "vit_small_patch16_224",
    "swin_tiny_patch4_window7_224",
)  # fmt: skip
BATCH, STEPS, ROUNDS, CHUNK = 16, 3, 2, 32


def measure_steps(network, px: int, dtype, device: str) -> float:
    """Images a second of AdamW steps, channels last."""
    x = torch.randn(BATCH, 3, px, px, device=device).contiguous(memory_format=torch.channels_last)
    optimizer, times = torch.optim.AdamW(network.parameters(), fused=device != "mps"), []
    for _ in range(STEPS + 1):
        begun = time.perf_counter()
        with torch.autocast(device, dtype, enabled=dtype is not None):
            features = network(x)
        optimizer.zero_grad()
        features.float().square().mean().backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return BATCH / min(times[1:])


def measure_speeds(backbone: str, device: str) -> dict[str, float]:
    network = timm.create_model(backbone, pretrained=False, num_classes=0).to(device)
    network = network.to(memory_format=torch.channels_last).train()
    px = network.pretrained_cfg["input_size"][1] if network.pretrained_cfg.get("fixed_input_size") else 160
    found = {FP32: 0.0, BF16: 0.0}
    with out_of_place(network):
        for _ in range(ROUNDS):
            for name, dtype in ((FP32, None), (BF16, torch.bfloat16)):
                found[name] = max(found[name], measure_steps(network, px, dtype, device))
    return found | {"narrow": is_narrow_depthwise(network)}


@torch.inference_mode()
def measure_cosines(backbone: str, catalogue, n: int, device: str) -> dict[str, float]:
    """Name of a way of computing -> the lowest cosine to plain float32 over n images of the catalogue."""
    model = build_model(backbone, embedding_dim=0).to(device).eval()
    config = model.config
    pixels = images.load_pixels(catalogue, image_size=config["image_size"], interpolation=config["interpolation"])
    chosen = np.linspace(0, len(pixels) - 1, min(n, len(pixels))).astype(int)
    batches = [
        model.normalise(torch.from_numpy(pixels[part]).to(device)) for part in np.array_split(chosen, n // CHUNK)
    ]

    def embedded(network, dtype) -> torch.Tensor:
        with torch.autocast(device, dtype, enabled=dtype is not None):
            return torch.nn.functional.normalize(torch.cat([network(batch).float() for batch in batches]))

    plain, quick = model.backbone, fold_network(model.backbone, batches[0][:2])
    expected = embedded(plain, None)
    ways = {"folded": (quick, None), BF16: (plain, torch.bfloat16), f"{BF16} folded": (quick, torch.bfloat16)}
    ways[f"{FP16} folded"] = (quick, torch.float16)
    return {name: float((embedded(*way) * expected).sum(dim=1).min()) for name, way in ways.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backbones", nargs="+", default=BACKBONES)
    parser.add_argument("--dataset", default="demo")
    parser.add_argument("--data_root", default="")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--hub", action="store_true", help="cosines of all backbones, with weights of the hub")
    options = parser.parse_args()
    device, catalogue = choose_device(), read_catalogue(options.dataset, options.data_root)
    reuse_memory()
    for backbone in options.backbones:
        found = measure_speeds(backbone, device)
        ratio = found[BF16] / found[FP32]
        wanted = FP32 if found["narrow"] else BF16
        print(
            f"{backbone:30s} {wanted} on a CPU  fp32 {found[FP32]:6.1f} images/s  "
            f"bf16 {found[BF16]:6.1f}  {ratio:.2f} x",
            flush=True,
        )
        if backbone != PACKAGED and not options.hub:
            continue
        cosines = measure_cosines(backbone, catalogue, options.images, device)
        print("    lowest cosine: " + ", ".join(f"{name} {value:.5f}" for name, value in cosines.items()), flush=True)


if __name__ == "__main__":
    main()
