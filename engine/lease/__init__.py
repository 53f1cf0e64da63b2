"""Leases: their queues, the database that finds them, and the file that they outlive the process in."""
