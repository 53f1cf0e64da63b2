"""The types of objects that OMAPI shows and changes, one module each (class and subclass, and places, share one)."""
