"""The closed split that is published for NyalaData, as a table for the notebooks.

    python benchmarks/closed_split.py --data_root ../shared/data/nyala --to closed.csv
    papermill notebooks/evaluate.ipynb out.ipynb -p dataset csv -p data_root closed.csv -p split_policy official

The split is `ClosedSetSplit(0.8, identity_skip="unknown", seed=666)` of wildlife-datasets; on it MegaDescriptor-L-384
is told to reach 36.4 % top-1 and WildFusion 53.5 %. It draws photographs, not encounters: for most queries another
photograph of the same sighting is in the gallery.
"""

import argparse
import os
from pathlib import Path

from reid_lib.core.names import ENCOUNTER, IDENTITY, IMAGE_ID, ORIENTATION, PATH, SPLIT
from reid_lib.data.catalogue import read_catalogue

SEED, TRAINED_SHARE = 666, 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_root", required=True, help="folder that holds NyalaData")
    parser.add_argument("--to", required=True, type=Path, help="the table to write; paths in it count from its folder")
    asked = parser.parse_args()
    from wildlife_datasets.datasets import NyalaData
    from wildlife_datasets.splits import ClosedSetSplit

    catalogue, published = read_catalogue("wildlife:NyalaData", asked.data_root), NyalaData(asked.data_root).df
    ((trained, tested),) = ClosedSetSplit(TRAINED_SHARE, identity_skip="unknown", seed=SEED).split(published)
    part = dict.fromkeys(published.loc[trained, "path"], "train") | dict.fromkeys(published.loc[tested, "path"], "test")
    table = catalogue.rows[[IMAGE_ID, PATH, IDENTITY, ORIENTATION, ENCOUNTER]].copy()
    table[SPLIT] = table[PATH].map(part)
    table[PATH] = [os.path.relpath(catalogue.root / path, asked.to.resolve().parent) for path in table[PATH]]
    table.to_csv(asked.to, index=False)
    print(f"{asked.to}: {table[SPLIT].value_counts().to_dict()}")


if __name__ == "__main__":
    main()
