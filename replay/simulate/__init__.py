"""Pairs of failover servers in a hostile world, from seeds: what must hold is checked after every event.

`drawing` makes a plan of a seed, `run` carries it out, `many` does so for many; a run that fails is kept by `keeping`
and made small by `smaller`. docs/simulating-failover.md tells how to read a failure.
"""
