"""`python -m dhcpd.adminctl` and the console script `dhcpd-admin`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
