"""`reid doctor`: what is here, what is missing, what that would give, and how to get it."""

import click

from reid_lib.cli.commands import as_json, echo_json, example


@click.command(epilog=example("doctor", "doctor --json"))
@as_json
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """GPU, memory, versions, extras, weights, disk: what is here, and what the missing would give.

    Exit code 1 where something will fail.
    """
    from reid_lib import __version__
    from reid_lib.pipeline.diagnosis import WRONG, examine_machine

    found = examine_machine()
    wrong = [finding for finding in found if finding.state == WRONG]
    if as_json:
        echo_json({"version": __version__, "ok": not wrong, "findings": [finding._asdict() for finding in found]})
    else:
        width = max(len(finding.name) for finding in found)
        for section in dict.fromkeys(finding.section for finding in found):
            click.echo(section)
            for finding in (one for one in found if one.section == section):
                click.echo(f"  {finding.state:<7}  {finding.name:<{width}}  {finding.told}")
                if finding.cure:
                    click.echo(f"  {'':<7}  {'':<{width}}  -> {finding.cure}")
        words = ", ".join(finding.name for finding in wrong)
        click.echo(f"to be mended: {words}" if wrong else "everything needed is here")
    ctx.exit(int(bool(wrong)))
