"""From a recording to an answer: play a run again, compare every effect with what was recorded, show what differs.

Nothing here opens a socket, reads a clock that a result could hang on, or runs a program; the only file it writes is
the lease file that it was given.
"""
