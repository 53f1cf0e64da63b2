"""The smallest recording that still shows a fault, by delta debugging (Zeller and Hildebrandt, 2002).

Clients are taken away first, then time, events, options, statements of the configuration and leases. Every recording
that is tried is one that a run could have made (replay/retell), so that what is left is as good a witness as the first.
"""
