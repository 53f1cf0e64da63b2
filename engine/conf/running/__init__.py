"""What statements, expressions and classes do when a packet comes."""
