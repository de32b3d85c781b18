"""The licence of a data set's photographs, as far as it is known here."""

from reid_lib.data.readers.registry import DEMO_SIZES, KAGGLE_PAGES, WILDLIFE
from reid_lib.data.readers.wildlife import find_wildlife_class


def describe_licence(dataset: str) -> str:
    """One sentence on the licence of a data set, for a person.

    Args:
        dataset: as `registry.read` takes it.

    Raises:
        CatalogueError: `wildlife:<Class>`, and the package has no such class or is not installed.
    """
    if dataset in DEMO_SIZES:
        return "built-in drawings of reid_lib (Apache-2.0), no photographs"
    if dataset in KAGGLE_PAGES:
        return f"under the terms of {KAGGLE_PAGES[dataset][0]}"
    if not dataset.startswith(WILDLIFE):
        return "not stated: whoever owns the photographs decides"
    name = dataset.removeprefix(WILDLIFE)
    about = find_wildlife_class(name).summary or {}
    licence, page = about.get("licenses"), about.get("licenses_url") or about.get("url")
    told = licence if licence and licence != "Other" else "of its own" if licence else "none is stated"
    return f"{name}: {told}" + (f" ({page})" if page else "")
