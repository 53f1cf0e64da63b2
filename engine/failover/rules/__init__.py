"""What is decided about a pair and its leases: tables and functions of plain data, without an endpoint."""
