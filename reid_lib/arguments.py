"""Arguments of papermill, read without running it."""

import base64
from pathlib import Path

from reid_lib.errors import ReidError

PAPERMILL_HELP = "arguments as papermill takes them: -p NAME VALUE, -r NAME TEXT, -f FILE, -y YAML, -b BASE64"


def papermill_values(arguments: list[str]) -> dict:
    """What papermill would inject for these arguments.

    papermill itself parses them, in the order it applies them: base64, files, YAML, then -p and -r.

    Raises:
        ReidError: papermill could not read them either.
    """
    import yaml
    from papermill import cli
    from papermill.exceptions import PapermillException

    notebooks = [argument for argument in arguments if argument.endswith(".ipynb")]
    if notebooks:
        raise ReidError(f"leave the notebooks out ({', '.join(notebooks)}): expected only parameters, as -p lr 1e-4")
    try:
        given = cli.papermill.make_context("papermill", ["in.ipynb", "out.ipynb", *arguments]).params
    except cli.click.ClickException as error:
        raise ReidError(f"papermill does not take these arguments: {error.format_message()}") from error
    values = {}
    try:
        for text in given["parameters_base64"]:
            values |= yaml.load(base64.b64decode(text), Loader=cli.NoDatesSafeLoader) or {}
        for path in given["parameters_file"]:
            if "://" not in path and not Path(path).is_file():
                raise ReidError(f"-f {path}: there is no such file in {Path.cwd()}")
            values |= cli.read_yaml_file(path) or {}
        for text in given["parameters_yaml"]:
            values |= yaml.load(text, Loader=cli.NoDatesSafeLoader) or {}
    except (OSError, ValueError, TypeError, yaml.YAMLError, PapermillException) as error:
        raise ReidError(f"these arguments hold no parameters: expected name: value in YAML; {error}") from error
    values |= {name: cli._resolve_type(value) for name, value in given["parameters"]}
    return values | dict(given["parameters_raw"])
