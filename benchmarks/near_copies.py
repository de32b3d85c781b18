"""How well photographs that were saved again are found, what else is taken for one, and what it costs.

    python benchmarks/near_copies.py --dataset wildlife:NyalaData --data_root ../shared/data/nyala

Copies are made of photographs drawn blindly; "found" is the share that the hash (or embeddings) proposes and the pixels
confirm. Between different photographs: how many pairs of two animals the hash proposes, and how many of them, and of
embeddings' nearest neighbours (small colour pictures stand in for a network), are taken for copies. Last, 100,000
hashes like theirs, with bits turned at random: seconds and memory.
"""

import argparse
import io
import time
import tracemalloc

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance

from reid_lib.core.names import GALLERY, INDIVIDUAL, ROLE, TEST
from reid_lib.data import pixels as images
from reid_lib.data.catalogue import read_catalogue
from reid_lib.data.near_copies import (
    MOST_BITS,
    NO_HASH,
    compare_pairs,
    compare_shifted,
    count_differing_bits,
    find_similar,
    hash_images,
    shrink_to_grey,
)
from reid_lib.data.photo import open_upright
from reid_lib.discover.suspects import MAX_DIFFERENCE, MIN_CORRELATION, find_suspects
from reid_lib.embed.embedding_set import EmbeddingSet

SIDE = 160


def save_again(image: Image.Image, kind: str, **options) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return Image.open(stream, formats=(kind,)).convert("RGB")


def cut(image: Image.Image, share: float) -> Image.Image:
    """Without `share` of its width at the left, and half as much of its height above and below."""
    left, top = round(share * image.width), round(share * image.height / 2)
    return image.crop((left, top, image.width, image.height - top))


COPIES = {
    "PNG": lambda image: save_again(image, "PNG"),
    "WebP, quality 40": lambda image: save_again(image, "WEBP", quality=40),
    "JPEG, quality 20": lambda image: save_again(image, "JPEG", quality=20),
    "half the size": lambda image: save_again(image.resize((image.width // 2, image.height // 2)), "JPEG", quality=75),
    "a third of the size": lambda image: save_again(
        image.resize((image.width // 3, image.height // 3)), "JPEG", quality=60
    ),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "brightness x 0.8": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "brightness x 1.15": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "brightness x 1.3": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "cropped by 3 %": lambda image: cut(image, 0.03),
    "cropped by 10 %": lambda image: cut(image, 0.10),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned by 90 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_90),
}


def make_square(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0))


def embed_colours(pixels: np.ndarray) -> np.ndarray:
    """(n, 768) features that know nothing but where which colour is."""
    small = pixels.reshape(len(pixels), 16, SIDE // 16, 16, SIDE // 16, 3).mean(axis=(2, 4))
    features = small.reshape(len(pixels), -1).astype(np.float32)
    return features - features.mean(axis=0)


def measure_recall(catalogue, n: int, rng: np.random.Generator) -> None:
    chosen = rng.choice(len(catalogue), min(n, len(catalogue)), replace=False)
    originals = [open_upright(catalogue.files()[place]) for place in chosen]
    print(f"\n| copy of {len(chosen)} photographs | bits, median and most | found by hash | found with embeddings |")
    print("|---|---|---|---|")
    for name, how in COPIES.items():
        pixels = np.stack(
            [make_square(image) for image in originals] + [make_square(how(image)) for image in originals]
        )
        half = len(chosen)
        rows = pd.DataFrame({"image_id": np.arange(2 * half).astype(str), "dataset": "d"})
        rows = rows.assign(path=rows["image_id"], identity=rows["image_id"], individual=rows["image_id"], role=GALLERY)
        greys = shrink_to_grey(pixels)
        hashed = hash_images(greys)
        bits = count_differing_bits(hashed[:half], hashed[half:])
        shares = []
        for embeddings in (None, EmbeddingSet(embed_colours(pixels), rows)):
            pairs = find_suspects(greys, rows, embeddings).pairs
            told = pairs[["image_id_1", "image_id_2"]].astype(int).to_numpy()
            shares.append(
                np.mean(np.isin(np.arange(half), told.min(axis=1)[told.max(axis=1) - told.min(axis=1) == half]))
            )
        print(f"| {name} | {np.median(bits):.0f}, {bits.max()} | {shares[0]:.1%} | {shares[1]:.1%} |", flush=True)


def count_false_alarms(catalogue, pixels) -> np.ndarray:
    rows = catalogue.rows.assign(**{ROLE: np.where(np.arange(len(catalogue)) % 2, GALLERY, TEST)})
    begun = time.perf_counter()
    greys = shrink_to_grey(pixels)
    hashed = hash_images(greys)
    seconds = time.perf_counter() - begun
    who = pd.factorize(rows[INDIVIDUAL])[0]
    candidates = sum(int((who[i] != who[j]).sum()) for i, j, _ in find_similar(hashed))
    two = len(who) * (len(who) - 1) // 2 - sum(n * (n - 1) // 2 for n in np.bincount(who[who >= 0]))
    print(
        f"\n{len(catalogue)} photographs hashed in {seconds:.2f} s; of {two:,} pairs of two animals the hash proposes"
    )
    print(
        f"{candidates} (at most {MOST_BITS} bits differ); copies: correlation >= {MIN_CORRELATION}, difference <= ",
        end="",
    )
    print(MAX_DIFFERENCE)
    print(f"most alike photographs of two animals: correlation {find_most_alike(greys, who):.3f}")
    for name, embeddings in (("hash alone", None), ("with embeddings", EmbeddingSet(embed_colours(pixels), rows))):
        begun = time.perf_counter()
        found = find_suspects(greys, rows, embeddings)
        print(f"{name}: {len(found.pairs)} taken for copies, {time.perf_counter() - begun:.2f} s")
        for row in found.pairs.itertuples():
            print(f"  {row.correlation:.3f} {row.difference:.2f} {row.path_1} = {row.path_2}")
    print(f"every second photograph a query: {found.leaked} have a near copy of the same animal in the gallery")
    return hashed


def find_most_alike(greys: np.ndarray, who: np.ndarray) -> float:
    """The highest correlation of two animals' photographs, all pairs compared."""
    flat = greys.reshape(len(greys), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    highest = -1.0
    for begin in range(0, len(flat), 1000):
        other = who[begin : begin + 1000, None] != who
        highest = max(highest, float((flat[begin : begin + 1000] @ flat.T)[other].max()))
    return highest


def simulate_standing_camera(pixels: np.ndarray, n: int, rng: np.random.Generator) -> None:
    """Another animal before the same background: a square of another photograph is pasted in at the same place."""
    chosen = rng.choice(len(pixels), min(n, len(pixels)), replace=False)
    half = len(chosen)
    pairs = np.stack([np.arange(half), half + np.arange(half)], axis=1)
    print(
        "\n| other in the picture | correlation alone lists | with the difference | shifted, too |\n|---|---|---|---|"
    )
    for side in (24, 40, 56):
        pasted, others = pixels[chosen].copy(), pixels[rng.permutation(chosen)]
        top, left = rng.integers(20, SIDE - 20 - side, 2)
        place = (slice(None), slice(top, top + side), slice(left, left + side))
        pasted[place] = others[place]
        greys = shrink_to_grey(np.concatenate([pixels[chosen], pasted]))
        correlation, difference, _ = compare_pairs(greys, pairs)
        alike = correlation >= MIN_CORRELATION
        listed = alike & (difference <= MAX_DIFFERENCE)
        shifted = np.stack(compare_shifted(greys, pairs))
        moved = listed | ((shifted[0] >= MIN_CORRELATION) & (shifted[1] <= MAX_DIFFERENCE))
        shares = " | ".join(f"{told.mean():.1%}" for told in (alike, listed, moved))
        print(f"| {side**2 / SIDE**2:.0%} | {shares} |", flush=True)


def measure_growth(hashed: np.ndarray, n: int, rng: np.random.Generator) -> None:
    """Hashes as these photographs have them, each with twelve bits turned, so that few pairs are left alike."""
    base = hashed[hashed != NO_HASH]
    many = base[rng.integers(0, len(base), n)]
    for _ in range(12):
        many ^= np.uint64(1) << rng.integers(0, 63, n).astype(np.uint64)
    for name, values in (("hashes like these", many), ("all equal", np.full(n, many[0]))):
        tracemalloc.start()
        begun = time.perf_counter()
        pairs = sum(len(i) for i, _, _ in find_similar(values))
        seconds, most = time.perf_counter() - begun, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"{n:,} {name}: {pairs:,} pairs in {seconds:.1f} s, {most / 1e6:.0f} MB at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="demo")
    parser.add_argument("--data_root", default="")
    parser.add_argument("--copies", type=int, default=200)
    parser.add_argument("--hashes", type=int, default=100_000)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    catalogue = read_catalogue(given.dataset, given.data_root, progress=False)
    pixels = images.load_pixels(catalogue, image_size=SIDE, progress=False)
    print(f"{given.dataset}: {len(catalogue)} photographs of {catalogue.rows[INDIVIDUAL].nunique()} animals")
    hashed = count_false_alarms(catalogue, pixels)
    measure_recall(catalogue, given.copies, rng)
    simulate_standing_camera(pixels, given.copies, rng)
    measure_growth(hashed, given.hashes, rng)


if __name__ == "__main__":
    main()
