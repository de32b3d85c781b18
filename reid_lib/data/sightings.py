"""Which animal was photographed how often and when: one row per animal, one per animal and day."""

import pandas as pd

from reid_lib.core.names import DATASET, DATE, IDENTITY, IMAGE_ID, INDIVIDUAL, PHOTOGRAPHS
from reid_lib.data.dates import parse_days
from reid_lib.data.occasions import find_units

ENCOUNTERS, DAY = "encounters", "day"


def tabulate_animals(rows: pd.DataFrame) -> pd.DataFrame:
    """Animals, those of most encounters first, then of most photographs.

    Args:
        rows: of a catalogue; those without an individual are left out.

    Returns:
        DataFrame(dataset, identity, photographs, encounters), indexed by `individual`. An encounter is what the split
        keeps on one side: where neither encounters nor days are known, a photograph.
    """
    named = rows[rows[INDIVIDUAL].notna()]
    units = find_units(named, by_encounter=True)
    table = named.assign(unit=units).groupby(INDIVIDUAL, sort=True)
    table = table.agg(
        **{
            DATASET: (DATASET, "first"),
            IDENTITY: (IDENTITY, "first"),
            PHOTOGRAPHS: (IMAGE_ID, "size"),
            ENCOUNTERS: ("unit", "nunique"),
        }
    )
    return table.sort_values([ENCOUNTERS, PHOTOGRAPHS], ascending=False, kind="stable")


def tabulate_days(rows: pd.DataFrame) -> pd.DataFrame:
    """Days on which animals were photographed.

    Args:
        rows: of a catalogue; those without an individual or a date are left out.

    Returns:
        DataFrame(individual, dataset, identity, day, photographs), one row per animal and day that is known, by day;
        `day` is datetime64 at midnight.
    """
    columns = [INDIVIDUAL, DATASET, IDENTITY, DAY]
    if DATE not in rows:
        return pd.DataFrame(columns=[*columns, PHOTOGRAPHS])
    day = parse_days(rows[DATE]).dt.normalize()
    known = rows.assign(**{DAY: day})[rows[INDIVIDUAL].notna() & day.notna()]
    return known.groupby(columns, sort=True).size().reset_index(name=PHOTOGRAPHS).sort_values([DAY, INDIVIDUAL])
