"""MLflow as a sink with one writer, the driver. No result is read back from it: the store's records are the source of truth.

Each synchronisation compares the runs made from records with those on the server, which are found by their digest tag, and
sends the difference. It is idempotent; what could not be sent is sent by the next one. No other package imports MLflow, and
this one only when it is used: importing it takes more than a second.
"""

from stilts_ray.tracking.address import check, default_uri, table_links, ui_command
from stilts_ray.tracking.sender import Sender
from stilts_ray.tracking.tracker import Tracker

__all__ = ["Sender", "Tracker", "check", "default_uri", "table_links", "ui_command"]
