"""HTTP over the loop's turns: sockets, connections, requests at work; what is asked and answered is not known here."""
