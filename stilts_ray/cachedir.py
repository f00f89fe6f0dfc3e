"""Where this machine keeps what can be made again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """STILTS_CACHE, or `stilts_ray` in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("STILTS_CACHE", f"{home}/stilts_ray")).expanduser().absolute()
