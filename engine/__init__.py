"""The deciding part: a deterministic state machine, events in, effects out, and no I/O of any kind.

No clock, no randomness, no environment, no file, no socket, no iteration whose order hangs on hashes or addresses;
tests/test_house.py reads the syntax trees and refuses what could bring them in. `machine.Machine` is the door.
"""
