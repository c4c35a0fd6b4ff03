"""`python -m graphdl`, and the command `graphdl`."""

import sys

from graphdl.cli import main

if __name__ == "__main__":
    sys.exit(main())
