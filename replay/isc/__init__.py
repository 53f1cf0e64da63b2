"""Trace files of ISC dhcpd, read and played: `dhcpd-trace import-isc`, and `dhcpd -play` of such a file.

format.py reads the frames, records.py the payloads, drive.py makes events of them and holds what our machine sends
against what ISC's sent, importing.py writes the results. Nothing here writes an ISC trace.
"""

from .format import DamagedIscTrace, IscTraceError, NewerIscTrace, NotIscTrace, is_isc_trace
from .importing import Imported, import_isc

__all__ = [
    "DamagedIscTrace",
    "Imported",
    "IscTraceError",
    "NewerIscTrace",
    "NotIscTrace",
    "import_isc",
    "is_isc_trace",
]
