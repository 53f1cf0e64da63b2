"""The process among others: daemon, pid file, privileges, log."""
