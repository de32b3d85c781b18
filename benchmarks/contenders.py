"""What bench.py runs in a process of its own, one contender at a time: python benchmarks/contenders.py NAME OPTIONS

Each contender prepares, then does its work between two looks at the clock. Peers are used as their own documentation
does; they get the same images, the same weights and the same number of threads.
"""

import contextlib
import io
import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE / ".peers")]  # peers last: torch and the rest are the project's own
CONTENDERS = {}
LITE0, MEAN = "tf_efficientnet_lite0", [0.5, 0.5, 0.5]


def contender(function):
    CONTENDERS[function.__name__] = function
    return function


class Clock:
    """Measures the block `with clock:`, and the memory that it needed beyond what was there before."""

    def __enter__(self):
        self.before = _peak_mb()
        self.begun = time.perf_counter()

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self.begun
        self.added_mb = _peak_mb() - self.before


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# Embedding: EfficientNet-Lite0, ImageNet weights, 224 px


def _catalogue(options):
    from reid_lib.catalogue import read_catalogue

    return read_catalogue("folder", options["photos"], progress=False)


def _embed(options, clock, pixels_first: bool) -> dict:
    from reid_lib import images
    from reid_lib.device import choose_device, choose_precision
    from reid_lib.embed import extract
    from reid_lib.model import build_model

    device = choose_device()
    catalogue = _catalogue(options)
    model = build_model(LITE0, image_size=options["px"], embedding_dim=0)
    how = {"batch_size": 64, "device": device, "precision": choose_precision("auto", device)}
    size = {"image_size": options["px"], "interpolation": "bilinear", "progress": False}
    model.to(device)
    extract(model, np.zeros((64, options["px"], options["px"], 3), np.uint8), catalogue.rows.head(64), **how)
    if pixels_first:
        images.pixels(catalogue, **size)
    with clock:
        features = extract(model, images.pixels(catalogue, **size), catalogue.rows, **how).features
    return {"n": len(features), "features": features.tolist(), "precision": how["precision"]}


@contender
def embed_reid_lib_first(options, clock):
    return _embed(options, clock, pixels_first=False)


@contender
def embed_reid_lib_again(options, clock):
    return _embed(options, clock, pixels_first=True)


def _plain_network():
    """The same weights in timm's own layout: NCHW, fp32."""
    import timm

    from reid_lib.backbones import load_packaged_lite0

    network = timm.create_model(LITE0, num_classes=0).eval()
    load_packaged_lite0(network)
    return network


def _transform(px: int):
    from torchvision import transforms

    return transforms.Compose(
        [transforms.Resize((px, px)), transforms.ToTensor(), transforms.Normalize(mean=MEAN, std=MEAN)]
    )


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@contender
def embed_wildlife_tools(options, clock):
    from wildlife_tools.data import WildlifeDataset
    from wildlife_tools.features import DeepFeatures

    catalogue = _catalogue(options)
    dataset = WildlifeDataset(catalogue.rows, root=str(catalogue.root), transform=_transform(options["px"]))
    extractor = DeepFeatures(_plain_network(), batch_size=64, device=_device())
    with clock:
        features = extractor(dataset)
    return {"n": len(features), "features": _normalised(features)}


@contender
def embed_oml(options, clock):
    import torch
    from oml.datasets import ImageBaseDataset
    from oml.inference import inference
    from oml.interfaces.models import IExtractor

    class Extractor(IExtractor):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, x):
            return self.network(x)

        def extract(self, x):
            return self(x)

        @property
        def feat_dim(self):
            return 1280

    dataset = ImageBaseDataset(_catalogue(options).files(), transform=_transform(options["px"]))
    model = Extractor(_plain_network()).to(_device())
    with clock, torch.no_grad():
        features = inference(model, dataset, num_workers=1, batch_size=64, verbose=False)
    return {"n": len(features), "features": _normalised(features.numpy())}


def _normalised(features) -> list:
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).tolist()


# Training: steps without augmentation, then whole epochs from the files


class _Nowhere:
    """A run that keeps nothing but its history."""

    def __init__(self):
        self.rows = []

    def path(self, name):
        return Path(os.devnull) / name

    def write(self, name):
        return contextlib.nullcontext(io.BytesIO())

    def report(self, row):
        self.rows.append(row)

    def cut_history(self, epoch):
        pass


def _fit(pixels, labels, options, *, epochs: int, augment: bool) -> list[dict]:
    from types import SimpleNamespace

    from reid_lib.batches import TrainingImages
    from reid_lib.device import choose_device, choose_precision, loader_processes
    from reid_lib.losses import make_loss
    from reid_lib.model import build_model
    from reid_lib.train import fit

    device = choose_device()
    model = build_model(options["backbone"], pretrained=False, image_size=options["px"], embedding_dim=512)
    loss = make_loss("arcface", num_classes=int(labels.max()) + 1, embedding_dim=512)
    batches = TrainingImages(
        pixels, np.arange(len(labels)), labels, batch_size=options["batch"], m=4, seed=0, augment=augment,
        num_workers=loader_processes(-1, device), pin_memory=device == "cuda",
    )  # fmt: skip
    params = SimpleNamespace(
        lr=1e-3, head_lr_factor=10.0, weight_decay=1e-4, scheduler="none", warmup=0.0, num_epochs=epochs,
        eval_every=999, patience=0, seed=0,
    )  # fmt: skip
    run = _Nowhere()
    fit(
        model, loss, batches, params, evaluate=lambda m, w: {"val_score": 0.0}, prepare=lambda m, w: None,
        save_best=lambda m: None, run=run, device=device, precision=choose_precision("auto", device),
    )  # fmt: skip
    return run.rows


def _random_pixels(options):
    n = options["batch"] * options["steps"]
    pixels = np.random.default_rng(0).integers(0, 256, (n, options["px"], options["px"], 3), dtype=np.uint8)
    return pixels, np.arange(n) // 4


@contender
def step_reid_lib(options, clock):
    pixels, labels = _random_pixels(options)
    with clock:
        rows = _fit(pixels, labels, options, epochs=2, augment=False)
    clock.seconds = rows[-1]["seconds"]  # the second epoch: the first one warms up
    return {"n": len(labels)}


@contender
def step_plain(options, clock):
    """NCHW, fp32 (AMP on a GPU), AdamW, the same loss: a loop as tutorials write it."""
    import timm
    import torch
    from pytorch_metric_learning.losses import ArcFaceLoss

    pixels, labels = _random_pixels(options)
    device = _device()
    network = timm.create_model(options["backbone"], num_classes=512).to(device).train()
    loss = ArcFaceLoss(num_classes=int(labels.max()) + 1, embedding_size=512).to(device)
    optimizer = torch.optim.AdamW([*network.parameters(), *loss.parameters()], lr=1e-3)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255).contiguous()

    def epoch():
        for begin in range(0, len(labels), options["batch"]):
            batch = images[begin : begin + options["batch"]].to(device)
            target = torch.from_numpy(labels[begin : begin + options["batch"]]).to(device)
            with torch.autocast(device, enabled=device == "cuda"):
                value = loss(network(batch), target)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            value.item()

    epoch()
    with clock:
        epoch()
    return {"n": len(labels)}


@contender
def epoch_reid_lib(options, clock):
    """The second epoch, augmented; and what share of it the loading of batches takes."""
    import pandas as pd

    from reid_lib import images
    from reid_lib.batches import TrainingImages

    catalogue = _catalogue(options)
    labels = pd.factorize(catalogue.rows["identity"])[0].astype(np.int64)
    with clock:
        pixels = images.pixels(catalogue, image_size=options["px"], interpolation="bilinear", progress=False)
        rows = _fit(pixels, labels, options, epochs=2, augment=True)
    clock.seconds = rows[-1]["seconds"]
    batches = TrainingImages(pixels, np.arange(len(labels)), labels, batch_size=options["batch"], m=4, seed=0)
    begun = time.perf_counter()
    for _ in batches.epoch(2):
        pass
    return {"n": len(labels), "loading_share": (time.perf_counter() - begun) / clock.seconds}


def _from_files(options):
    """Images decoded in full whenever they are asked for, with torchvision's version of our augmentation."""
    from torchvision import transforms
    from wildlife_tools.data import WildlifeDataset

    varied = transforms.Compose([
        transforms.Resize((options["px"], options["px"])),
        transforms.RandomAffine(20, translate=(0.1, 0.1), scale=(0.8, 1.2), shear=8, fill=128),
        transforms.ColorJitter(0.35, 0.35, 0.35),
        transforms.ToTensor(), transforms.Normalize(mean=MEAN, std=MEAN), transforms.RandomErasing(0.3),
    ])  # fmt: skip
    catalogue = _catalogue(options)
    return WildlifeDataset(catalogue.rows, root=str(catalogue.root), transform=varied)


@contender
def epoch_wildlife_tools(options, clock):
    import timm
    import torch
    from wildlife_tools.train import ArcFaceLoss, BasicTrainer

    dataset = _from_files(options)
    network = timm.create_model(options["backbone"], num_classes=0)
    objective = ArcFaceLoss(num_classes=dataset.num_classes, embedding_size=network.num_features, margin=0.5, scale=64)
    optimizer = torch.optim.SGD([*network.parameters(), *objective.parameters()], lr=1e-3, momentum=0.9)
    trainer = BasicTrainer(
        dataset, network, objective, optimizer, epochs=1, device=_device(), batch_size=options["batch"], num_workers=1
    )
    trainer.train()
    with clock:
        trainer.train()
    return {"n": len(dataset)}


@contender
def epoch_replaced(options, clock):
    """The replaced system's loop: one loader process, every file decoded in full every epoch, AMP on a GPU, ArcFace."""
    import timm
    import torch
    from pytorch_metric_learning.losses import ArcFaceLoss

    dataset, device = _from_files(options), _device()
    loader = torch.utils.data.DataLoader(dataset, batch_size=options["batch"], shuffle=True, num_workers=1)
    network = timm.create_model(options["backbone"], num_classes=512).to(device).train()
    loss = ArcFaceLoss(num_classes=dataset.num_classes, embedding_size=512).to(device)
    optimizer = torch.optim.Adam([*network.parameters(), *loss.parameters()], lr=1e-4)
    scaler = torch.amp.GradScaler(device, enabled=device == "cuda")

    def epoch():
        for images, labels in loader:
            with torch.autocast(device, torch.float16, enabled=device == "cuda"):
                value = loss(network(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            scaler.scale(value).backward()
            scaler.step(optimizer)
            scaler.update()
            value.item()

    epoch()
    with clock:
        epoch()
    return {"n": len(dataset)}


# Search: exact, the five nearest, 512 dimensions


def _vectors(options):
    rng = np.random.default_rng(0)
    made = []
    for n in (options["gallery"], options["queries"]):
        x = rng.standard_normal((n, 512), dtype=np.float32)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        made.append(x)
    return made


@contender
def search_reid_lib(options, clock):
    from reid_lib.search import top_k

    gallery, queries = _vectors(options)
    top_k(queries[:64], gallery[:1000], 5)
    with clock:
        _, index = top_k(queries, gallery, 5)
    return {"n": len(queries), "index": index[:200].tolist(), "gallery_mb": gallery.nbytes / 2**20}


@contender
def search_faiss(options, clock):
    import faiss

    gallery, queries = _vectors(options)
    faiss.omp_set_num_threads(options["threads"])
    with clock:
        index = faiss.IndexFlatIP(gallery.shape[1])
        index.add(gallery)
        _, found = index.search(queries, 5)
    return {"n": len(queries), "index": found[:200].tolist(), "gallery_mb": gallery.nbytes / 2**20}


@contender
def search_wildlife_tools(options, clock):
    import torch
    from wildlife_tools.similarity import CosineSimilarity

    gallery, queries = _vectors(options)
    with clock:
        similarity = torch.from_numpy(CosineSimilarity()(queries, gallery)["cosine"])
        found = similarity.topk(5, dim=1).indices
    return {"n": len(queries), "index": found[:200].tolist(), "gallery_mb": gallery.nbytes / 2**20}


# Threshold and metrics


def _predictions(options):
    """Queries of known and unknown individuals with a score and a name, as `score_individuals` leaves them."""
    import pandas as pd

    rng = np.random.default_rng(0)
    n, individuals = options["queries"], options["queries"] // 15
    who = rng.integers(0, individuals, n)
    known = who < individuals * 0.75
    score = rng.normal(0.4 + 0.15 * known, 0.12, n)
    named = np.where(known & (rng.random(n) < 0.6), who, rng.integers(0, int(individuals * 0.75), n))
    name = np.array([f"a{k}" for k in range(individuals)], dtype=object)
    return pd.DataFrame({
        "image_id": [f"i{k}" for k in range(n)], "dataset": "d", "identity": name[who], "individual": "d/" + name[who],
        "role": "val", "known": pd.array(known, dtype="boolean"), "score": score, "identity_1": name[named],
        "rank": np.where(known & (named == who), 1.0, np.where(known, 7.0, np.nan)),
        "average_precision": np.where(known, rng.random(n), np.nan),
    })  # fmt: skip


@contender
def threshold_reid_lib(options, clock):
    """Every distinct score as a candidate, then BAKS, BAUS and their geometric mean at the best one."""
    from reid_lib import metrics, openset

    rows = _predictions(options)
    with clock:
        threshold = openset.fit_threshold(rows)
        answered = openset.decide(rows, threshold)
        known = rows["known"].to_numpy(bool)
        correct = np.where(known, answered == rows["identity"], answered == "new_individual")
        value = metrics.geometric_mean(correct, known, rows["individual"].to_numpy())
    return {"n": len(rows), "geometric_mean": float(value)}


@contender
def threshold_replaced(options, clock):
    """The replaced system's sweep: 50 thresholds, BAKS and BAUS (wildlife_datasets.metrics) at each."""
    from wildlife_datasets.metrics import BAKS, BAUS

    rows = _predictions(options)
    truth, name, score = (rows[c].to_numpy() for c in ("identity", "identity_1", "score"))
    unknown = sorted(set(truth[~rows["known"].to_numpy(bool)]))
    with clock:
        best = 0.0
        for threshold in np.linspace(score.min(), score.max(), 50):
            answered = np.where(score < threshold, "new_individual", name)
            baks = BAKS(truth, answered, unknown)
            baus = BAUS(truth, answered, unknown, "new_individual")
            best = max(best, float(np.sqrt(baks * baus)))
    return {"n": len(rows), "geometric_mean": best}


@contender
def bootstrap_reid_lib(options, clock):
    """All metrics of `metrics.json` with their intervals: 1,000 repetitions."""
    from reid_lib import openset, stats

    rows = _predictions(options)
    rows = rows.assign(predicted=openset.decide(rows, openset.fit_threshold(rows)))
    with clock:
        stats.summarise(rows)
    return {"n": len(rows)}


def main(name: str, options: str) -> None:
    import torch

    given = json.loads(options)
    torch.set_num_threads(given["threads"])
    clock = Clock()
    with contextlib.redirect_stdout(sys.stderr):
        result = CONTENDERS[name](given, clock)
    result |= {"seconds": clock.seconds, "added_mb": clock.added_mb, "device": _device()}
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
