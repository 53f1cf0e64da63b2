"""From a recording to an answer: play a run again, compare every effect with what was recorded, show what differs.

Nothing here opens a socket, or reads a clock that a result could hang on; the only files it writes are those that it
was given to write. The one program that it runs is the test that `dhcpd-trace shrink` is given.
"""
