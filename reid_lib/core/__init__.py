"""What every package stands on: names, errors, places, files, signals, a parallel map.

Knows nothing of ours; imports are quick.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "errors": "ReidError ParameterError CatalogueError SplitError ModelError TrainingError RunError",
        "paths": "project_root runs_root cache_root find_data",
        "files": "read_json write_json",
        "frames": "read_csv write_csv",
        "parallel": "map_in_threads",
        "kernel": "quick_imports",
        "messages": "show_in_notebook",
    },
)
