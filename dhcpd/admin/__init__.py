"""What operators ask the running server, and have it change: HTTP and JSON on a Unix socket."""
