"""`reid` called in this process, with what it prints."""

from reid_lib.cli.main import main


def say(capsys, *arguments):
    """Exit code, what was printed, and what was said on stderr."""
    code = main(list(arguments))
    printed = capsys.readouterr()
    return code, printed.out.strip(), printed.err.strip()
