"""The lease file: its words read, its records read and written."""
