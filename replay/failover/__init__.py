"""Both servers of a failover pair: where a relationship stands, and two recordings held side by side."""
