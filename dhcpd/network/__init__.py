"""Interfaces of the machine, and the sockets that packets come through."""
