"""Figures of a recording: how many, how long, how often; in memory that does not grow with it."""
