"""A recording that may be shown to strangers: the same decisions, taken for clients that nobody can name.

`redact(tape, out, ...)` gives every hardware address, client identifier, host name, domain name, circuit and remote
id another of the same length and kind, the same one wherever it stands, removes comments and the secrets of keys,
and plays the result beside the original: where the two machines decide otherwise nothing is written. The recorded
effects come from the machine that was told the pseudonyms, but where the recording itself differs from what the
engine does (the fault that it is kept for), there they are rewritten.

It hides what names a client or a site. It does not hide the times of events, the shape of the network unless asked
to, nor what a vendor puts into options of its own; the report lists what was left as it is.
"""

from .errors import NotRedacted
from .redact import Report, redact

__all__ = ["NotRedacted", "Report", "redact"]
