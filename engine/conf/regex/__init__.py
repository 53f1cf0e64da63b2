"""Regular expressions of the configuration, matched in time linear in the text."""
