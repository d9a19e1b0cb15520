"""What octets get which answers: HTTP/1.1 as Shallot speaks it (RFC 9112, 9110, 3986), against the server in conftest.py.

Each case is one connection: what is sent, the final statuses that come back, and what becomes of the connection:

  open   the request after it is answered, and only it
  close  nothing more is answered, and the connection ends properly (a FIN, no reset)

Where there is a rest, it is sent once the server has had all before it and answered no more than that deserves.

A case is numbered within its group; new ones go to the end of their group. In doubt: what is ambiguous is refused, what is only
unusual is accepted.
"""
from . import (request_line, target, host, field_lines, content_length, transfer_encoding, chunks, trailers, smuggling, connection,  # noqa: F401
               answers, methods, expect, waiting, clients)
from .table import CASES  # noqa: F401
