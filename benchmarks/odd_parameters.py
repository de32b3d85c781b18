"""Odd parameters of train.ipynb: as a shell, YAML or a person writes them."""

from odd_cases import Case, refused

from reid_lib.core.errors import ReidError
from reid_lib.params.fields import TrainParams

NAN, INF = float("nan"), float("inf")

# A value, and what it is to be understood as.
UNDERSTOOD = [
    *(("lr", "1e-4", 1e-4), ("lr", 1, 1.0), ("lr", " 0.01 ", 0.01), ("lr", "1E-3", 1e-3)),
    *(("num_epochs", 3.0, 3), ("num_epochs", "3", 3), ("num_epochs", "3.0", 3), ("num_epochs", "1e2", 100)),
    *(("pretrained", "false", False), ("pretrained", "False", False), ("pretrained", "no", False)),
    *(("pretrained", "0", False), ("pretrained", "on", True), ("pretrained", " TRUE ", True)),
    *(("margin", "", None), ("margin", "None", None), ("margin", None, None), ("margin", "0.5", 0.5)),
    *(("scale", "30", 30.0), ("seed", 2**63 - 1, 2**63 - 1), ("seed", str(2**63 - 1), 2**63 - 1)),
    *(("seed", 2**53 + 1, 2**53 + 1), ("seed", "9007199254740993", 2**53 + 1)),
    *(("run_name", "007", "007"), ("run_name", "Žofie", "Žofie"), ("data_root", "my photos", "my photos")),
    *(("test_split", 0, 0.0), ("val_split", 0.5, 0.5), ("columns", "identity:name", "identity:name")),
]  # fmt: skip
# A value that is refused, and words of the message beside the parameter's name.
NO_RATES = ("fast", "", None, NAN, INF, -INF, "nan", "inf", 0, -1, 11, True, [], {}, "1,5", "1e", "1_0")
NO_EPOCHS = (-2, -1, 1.5, "1.5", "seven", True, None, "", 10**12, 10**400, INF, "0x10", "1_0")
REFUSED = [
    *(("lr", value, "lr:") for value in NO_RATES),
    *(("num_epochs", value, "num_epochs:") for value in NO_EPOCHS),
    *(("pretrained", value, "True or False") for value in ("maybe", 1, 0, None, "", 2, [], "yess")),
    *(("loss", value, "loss:") for value in ("arcfase", "", 1, None, True, "ArcFace", ["arcface"])),
    *(("device", value, "device:") for value in ("gpu", "cuda:0", "", 0, None)),
    *(("split_policy", value, "split_policy:") for value in ("Auto", "by date", "", None, 1)),
    *(("val_split", value, "val_split:") for value in (0.6, -0.1, "20%", "half", NAN, True)),
    *(("unknown_split", value, "unknown_split:") for value in (0.5, -1, "x")),
    *(("run_name", value, "-r") for value in (7, 7.0, True, None)),
    *(("run_name", value, "run_name:") for value in ("a\0b", "a\udcffb")),
    *(("batch_size", value, "batch_size:") for value in (1, 0, 10**9, "many")),
    *(("image_size", value, "image_size:") for value in (31, 1, -5, 4096, "224px")),
    *(("embedding_dim", value, "embedding_dim:") for value in (1, 0, 10**6)),
    *(("seed", value, "seed:") for value in (-1, 1.5, "x", 2**63, 2**64 - 1)),
    *(("dropout", value, "dropout:") for value in (1, 1.5, -0.1)),
    *(("num_gpus", value, "num_gpus:") for value in (-1, 2000, "all")),
    *(("num_workers", value, "num_workers:") for value in (-2, 10**6)),
    *(("m", value, "m:") for value in (0, 1000)),
    *(("n", value, "n:") for value in (1, -1)),
]  # fmt: skip
TOGETHER = [
    ({"loss": "triplet", "scale": 30}, "scale"),
    ({"loss": "multisimilarity", "margin": 0.1}, "margin"),
    ({"loss": "arcface", "margin": 28.6}, "margin"),
    ({"batch_size": 4, "m": 8}, "m:"),
    ({"learning_rate": 0.1}, "did you mean 'lr'"),
    ({"LR": 0.1}, "did you mean 'lr'"),
    ({"batchSize": 8}, "did you mean 'batch_size'"),
    ({"epochs": 3}, "did you mean 'num_epochs'"),
    ({"": 3}, "unknown parameter ''"),
    ({"model": "resnet50"}, "did you mean 'backbone'"),
    ({"zzz": 1}, "expected one of"),
    ({"lr": "fast", "num_epochs": -1, "zzz": 1}, "num_epochs"),
]


def cases() -> list[Case]:
    found = []
    for name, value, wanted in UNDERSTOOD:
        found.append(Case("parameters", f"{name}={_short(value)}", _checked({name: value}), _is(name, wanted)))
    for name, value, words in REFUSED:
        found.append(Case("parameters", f"{name}={_short(value)}", _checked({name: value}), refused(name, words)))
    for values, words in TOGETHER:
        found.append(Case("parameters", str(values), _checked(values), refused(words)))
    return found


def _short(value) -> str:
    return repr(value) if len(repr(value)) < 30 else repr(value)[:27] + "..."


def _checked(values: dict):
    return lambda folder: TrainParams.checked(values)


def _is(name: str, wanted):
    def expect(found) -> str:
        if isinstance(found, ReidError):
            return "refused"
        value = getattr(found, name)
        return "" if value == wanted and type(value) is type(wanted) else f"understood as {value!r}, not {wanted!r}"

    return expect
