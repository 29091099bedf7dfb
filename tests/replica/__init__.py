"""A local server that behaves as the official sources do, and misbehaves when told to.

Written from the sites' documented formats and protocols (docs/collectors.md); everything it serves
is synthetic. In tests: ``with Replica() as replica``. For other processes:
``.venv/bin/python tests/replica --port 8090``.
"""

from replica.content import Content, HouseFiling, SenateFiling, sample
from replica.faults import Fault
from replica.server import Replica

__all__ = ["Content", "Fault", "HouseFiling", "Replica", "SenateFiling", "sample"]
