"""OMAPI: objects of a running server, looked at and changed over TCP.

What is spoken (wire, signing, status) serves the client too; who asks for which object, and what may be changed, is the
server's.
"""
