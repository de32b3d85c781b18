"""`python -m reid_lib`: see `cli.main`."""

import sys

from reid_lib.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
