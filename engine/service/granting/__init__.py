"""From a lease that was found to the reply that promises it, or refuses it."""
