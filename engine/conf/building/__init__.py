"""From the syntax tree to the configuration that serves: networks, pools, scopes of compiled statements."""
