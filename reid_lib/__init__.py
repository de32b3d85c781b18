"""Open-set animal re-identification: which known individual is this, or is it a new one?

The packages follow the way of the data; docs/architecture.md walks along it:

    data > nets > embed > match > openset > runs > compare > figures > pages > views

`pipeline` wires them for the notebooks. Importing the package itself imports none of them.
"""

from reid_lib.core.logs import show_messages
from reid_lib.core.messages import show_in_notebook

__version__ = "0.1.0"

show_in_notebook()
show_messages()
