"""metrics.json of a run in which everything is one value."""


def metrics(value: float = 0.5) -> dict:
    """What `openset.summary` writes, with as little in it as a headline needs."""
    entry = {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 5}
    names = ("geometric_mean", "baks", "baus", "top1", "own_metric")
    counts = {"": {f"n_{k}_{w}": 3 for k in ("known", "unknown") for w in ("individuals", "queries")}}
    part = {
        "overall": dict.fromkeys(names, entry),
        "datasets": {"newts": dict.fromkeys(names, entry)},
        "counts": counts,
    }
    return {"format": 1, "test": part, "val": part, "test_fingerprint": "t"}
