"""What `reid sightings` offers: formats and what each is for, occasions, sampling designs.

A module of its own without imports, so that the command's help is quick.
"""

FORMATS = {
    "csv": "one plain table of sightings, for a spreadsheet",
    "histories": "animal x occasion as CSV, for capture-recapture",
    "inp": "the same for program MARK and RMark (convert.inp)",
    "secr": "captures and detectors for the R package secr",
    "camtrap-dp": "a Camtrap DP data package with individualID",
    "wildbook": "Wildbook's bulk-import sheets",
}
OCCASIONS = ("day", "week", "month", "encounter")
# Of a Camtrap DP project.
SAMPLING = ("simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted", "opportunistic")
