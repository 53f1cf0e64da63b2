"""What a configuration says that is accepted, and that its writer may regret: `dhcpd -t --lint`.

It changes nothing and refuses nothing: mistakes are the parser's. `rules.py` lists what is looked for.
"""
