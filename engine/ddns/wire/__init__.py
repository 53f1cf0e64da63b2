"""DNS messages: their octets, their signatures, what they come to, and their way to the name servers and back."""
