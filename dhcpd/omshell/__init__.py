"""omshell: OMAPI's shell, in ISC's language and with its output to the letter."""
