"""The recorder: writes the tape, divides it into files, takes snapshots."""
