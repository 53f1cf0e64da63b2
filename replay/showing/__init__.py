"""Events and effects put into words, for people who read a recording."""
