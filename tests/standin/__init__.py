"""A stand-in for the Hugging Face hub, for tests of whatever reads data sets and encoders from there.

    with StandIn(hub_repositories()) as hub, online(hub, tmp_path):
        ...

Another process talks to it with `environment(hub, folder)` over its own variables.
"""

from tests.standin.clients import environment, online
from tests.standin.content import Commit, Repository, repository
from tests.standin.flaws import FLAWS, Flaw, flawed, flawed_rows
from tests.standin.repositories import hub_repositories, model_repository
from tests.standin.server import Fault, Request, StandIn

__all__ = [
    "FLAWS",
    "Commit",
    "Fault",
    "Flaw",
    "Repository",
    "Request",
    "StandIn",
    "environment",
    "flawed",
    "flawed_rows",
    "hub_repositories",
    "model_repository",
    "online",
    "repository",
]
