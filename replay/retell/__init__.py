"""Recordings made of other recordings: some of the events, told to the engine anew.

What the engine does about the chosen events is recorded, so that the new tape is true in itself; where the old tape
had other effects than the engine has (a fault that `verify` shows), that difference is carried over.
"""
