"""Statements and values as text again: for the lease file, for logs and for people."""
