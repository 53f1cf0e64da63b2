"""The world around a machine: what carries its effects out and brings it events."""
