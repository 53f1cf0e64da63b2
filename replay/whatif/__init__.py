"""What would another configuration have answered yesterday's clients? `dhcpd-trace whatif`, and this library.

    files = list(read_files("new.conf"))
    with open_tape("today.trace") as tape:
        report = compare(tape, files)
    for client in report.in_group(Group.LOST_SERVICE): ...

`compare` answers with a Report, which is plain data. Nothing is sent, written or looked up.
"""

from ...disk.configuration import SourceFile, read_files
from .comparison import compare
from .report import (
    SENTENCES,
    Change,
    Chapter,
    ClientReport,
    Example,
    FieldChange,
    Group,
    GroupReport,
    LogLine,
    PoolUse,
    Report,
)

__all__ = [
    "compare",
    "read_files",
    "SourceFile",
    "Report",
    "Group",
    "SENTENCES",
    "GroupReport",
    "ClientReport",
    "Example",
    "Change",
    "FieldChange",
    "Chapter",
    "PoolUse",
    "LogLine",
]
