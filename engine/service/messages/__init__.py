"""One module a client's message: what is asked, and which steps answer it."""
