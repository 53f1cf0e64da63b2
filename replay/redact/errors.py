"""What keeps a recording from being redacted."""


class NotRedacted(Exception):
    """No file was written; the text says at which event, and what can be done."""
