"""This machine's cache folder, for files that can be recreated."""

import os
import uuid
from pathlib import Path


def cache_folder() -> Path:
    """STILTS_CACHE, else `stilts_ray` in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("STILTS_CACHE", f"{home}/stilts_ray")).expanduser().absolute()


def write_whole(path: Path, text: str) -> None:
    """Atomically writes a cache file and creates its folder. Readers, on any machine, see the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)
