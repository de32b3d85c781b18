"""Names of columns and files: each defined once, and no two of them alike."""

from reid_lib.core import names


def test_ranked_columns_count_from_one():
    assert [names.ranked_column("score", k) for k in (1, names.N_RANKS)] == ["score_1", "score_5"]
    assert names.MATCH_ORIENTATION == "orientation_1"


def test_columns_and_files_have_names_of_their_own():
    values = [value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)]
    files = [value for value in values if "." in value]
    assert len(set(files)) == len(files)
    columns = names.REQUIRED_COLUMNS + names.OPTIONAL_COLUMNS
    assert len(set(columns)) == len(columns) and not set(columns) & set(files)


def test_roles_are_the_three_that_are_searched_or_asked():
    assert list(names.ROLES) == [names.GALLERY, names.VAL, names.TEST] and names.UNUSED not in names.ROLES
