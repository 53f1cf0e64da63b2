"""The verbs of `dhcpd-trace`, one a module that is named as the verb: its options, and how its answer is shown."""
