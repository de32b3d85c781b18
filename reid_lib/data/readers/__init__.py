"""From a data set as it lies on disk to one table: a reader for each layout.

The parameter `dataset` chooses the reader.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "registry": "READERS read default_dataset",
        "folder": "read_folder",
        "tables": "read_table parse_columns",
    },
)
