"""MLflow as a sink with one writer, the driver. Nothing is read back: records are the truth.

Sending is a reconciliation of the runs that records call for with those that the server has, found by their digest tag.
It can be done at any time and any number of times; what could not be sent is sent by the next one. No other package
imports MLflow, and this one only when it is used: loading it takes more than a second.
"""

from stilts_ray.tracking.address import check, default_uri, table_links, ui_command
from stilts_ray.tracking.sender import Sender
from stilts_ray.tracking.tracker import Tracker

__all__ = ["Sender", "Tracker", "check", "default_uri", "table_links", "ui_command"]
