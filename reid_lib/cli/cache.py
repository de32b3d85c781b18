"""`reid cache show | clear`: what can be made again, how much of it there is, and its end."""

import click

from reid_lib.cli.commands import as_json, echo_json, example

ALL = "all"


@click.group(epilog=example("cache show", "cache clear pixels"))
def cache() -> None:
    """What is kept to be quicker next time, and can be made again (REID_CACHE)."""


@cache.command(epilog=example("cache show", "cache show --json"))
@as_json
def show(as_json: bool) -> None:
    """Which caches there are, how much they hold, and what bounds them."""
    import pandas as pd

    from reid_lib.core.messages import format_bytes
    from reid_lib.core.paths import cache_root
    from reid_lib.pipeline.caches import list_caches, measure_disk

    found, root = list_caches(), cache_root()
    total, free = sum(one.bytes for one in found), measure_disk(root).free
    if as_json:
        caches = [one._asdict() | {"folder": str(one.folder)} for one in found]
        echo_json({"root": str(root), "bytes": total, "free_bytes": free, "caches": caches})
        return
    rows = [
        {
            "cache": one.kind,
            "holds": format_bytes(one.bytes) if one.files else "",
            "files": str(one.files or ""),
            "at most": format_bytes(one.bound) if one.bound else "",
            "what": one.what,
        }
        for one in found
    ]
    table = pd.DataFrame(rows).to_string(index=False, justify="left", formatters={"what": "{:<50}".format})
    click.echo("\n".join(line.rstrip() for line in table.splitlines()))
    click.echo(f"{format_bytes(total)} in {root}; {format_bytes(free)} of the disk are free")


@cache.command(epilog=example("cache clear", "cache clear pixels --yes"))
@click.argument("kind", default=ALL, help="One of those that `show` lists (all).")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(kind: str, yes: bool) -> None:
    """Delete a cache, or all of them; what is needed is made again."""
    from reid_lib.core.messages import format_bytes
    from reid_lib.pipeline import caches
    from reid_lib.runs.folder import RUNNING, list_runs

    if kind != ALL:
        caches.check_kind(kind)
    chosen = [one for one in caches.list_caches() if one.bytes and kind in (ALL, one.kind)]
    if not chosen:
        click.echo("nothing to delete: it is empty")
        return
    for one in chosen:
        click.echo(f"{one.kind}: {format_bytes(one.bytes)} in {one.folder}")
    if running := [run.name for run in list_runs() if run.status()["state"] == RUNNING]:
        click.echo(f"note: {', '.join(running)} is running and may need them: better wait for its end")
    if not yes:
        click.confirm("Delete this?", abort=True)
    freed = sum(caches.clear_cache(one.kind) for one in chosen)
    click.echo(f"{format_bytes(freed)} are free again")
