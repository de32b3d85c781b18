"""Who was seen when and where, in the formats that other programs read: capture histories, Camtrap DP, Wildbook.

Read from a table of answers or a catalogue; needs no torch.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "sightings": "Sightings read_sightings",
        "histories": "CaptureHistories make_histories",
        "formats": "Options write_sightings",
        "offered": "FORMATS OCCASIONS SAMPLING",
    },
)
