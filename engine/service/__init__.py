"""The decisions: one module a client message, and the procedures that they share. What is sent is an effect."""
