"""What the tests of main share."""

from reid_lib.cli.main import main


def say(capsys, *arguments):
    code = main(list(arguments))
    printed = capsys.readouterr()
    return code, printed.out.strip(), printed.err.strip()
