"""metrics.json of a run in which everything is one half."""


def metrics() -> dict:
    """What `openset.summary` writes, with as little in it as a headline needs."""
    entry = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 5}
    names = ("geometric_mean", "baks", "baus", "top1", "own_metric")
    counts = {"": {f"n_{k}_{w}": 3 for k in ("known", "unknown") for w in ("individuals", "queries")}}
    part = {
        "overall": dict.fromkeys(names, entry),
        "datasets": {"newts": dict.fromkeys(names, entry)},
        "counts": counts,
    }
    return {"format": 1, "test": part, "val": part, "test_fingerprint": "t"}
