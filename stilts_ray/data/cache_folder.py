"""Where this machine keeps what can be made again."""

import os
import uuid
from pathlib import Path


def cache_folder() -> Path:
    """STILTS_CACHE, or `stilts_ray` in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("STILTS_CACHE", f"{home}/stilts_ray")).expanduser().absolute()


def write_whole(path: Path, text: str) -> None:
    """Writes a file of the cache, with its folder: a reader, also on another machine, sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)
