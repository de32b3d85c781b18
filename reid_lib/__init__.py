"""Open-set animal re-identification: which known individual is this, or is it a new one?

The modules follow the way of the data, one step each:

    catalogue > split > images > model + losses > train > embed > search > openset > metrics > runs

`pipeline` wires them for the notebooks. Importing the package itself imports none of them; in a notebook it sees to it
that an error which is the user's own is shown as its message.
"""

from reid_lib.messages import show_in_notebook

__version__ = "0.1.0"

show_in_notebook()
