"""`python -m engine` is `tocsin`."""

import sys

from engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
