"""What the running server answers, subject by subject: from the machine's state, in slices, changing nothing."""
