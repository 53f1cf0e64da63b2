"""Questions about a recording: what happened, why, how often, and what the server held."""
