"""What a repository of the Hugging Face hub holds at a commit: its files, and which of them are the rows of a split. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from fsspec.utils import glob_translate
from pydantic import BaseModel, ConfigDict

from stilts_ray.errors import RequestError, did_you_mean

CONVERTED = "refs/convert/parquet"
"""The branch on which the hub keeps its own conversion of a data set, `<configuration>/<split>/<number>.parquet`."""

READABLE = (".parquet", ".jsonl", ".json", ".csv", ".tsv")
"""How names of files with rows end, those that are read if there are several kinds of them first."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_NUMBERED = re.compile(r"-\d{5}-of-(\d{5})")

_BELOW = ("{split}/*", "{split}-*", "data/{split}-*", "{split}.*", "*-{split}.*", "*_{split}.*")
"""Where files of a split are if the card does not say: in the hub's conversions, and as its libraries write them."""


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a commit, and not a branch or a tag."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


class Repository(BaseModel):
    """A repository at a commit.

    branch: where the commit was found, None for the main one. files: paths. data_files: configuration -> split -> patterns of
    paths, as the card of a data set says. class_names: configuration -> column -> names of its classes, likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: Literal["dataset", "model"]
    commit: str
    branch: str | None = None
    files: tuple[str, ...]
    data_files: dict[str, dict[str, tuple[str, ...]]] = {}
    class_names: dict[str, dict[str, tuple[str, ...]]] = {}

    @property
    def at(self) -> str:
        """Name and commit, as messages say it."""
        return f"{self.id}@{self.commit[:8]}"

    def split(self, config: str, split: str) -> tuple[str, ...]:
        """Paths of the files of a split, in their order. Raises RequestError naming what is there instead."""
        patterns = self._patterns(config, split)
        found = [path for path in self.files if any(re.match(glob_translate(pattern), path) for pattern in patterns)]
        for suffix in READABLE:
            if chosen := sorted(path for path in found if path.removesuffix(".gz").endswith(suffix)):
                self._check_whole(chosen)
                return tuple(chosen)
        raise RequestError(
            f"{self.at} has no file of rows for configuration '{config}', split '{split}'{self._there()}"
        )

    def _patterns(self, config: str, split: str) -> Iterable[str]:
        if not self.data_files:
            folder = f"{config}/" if any(path.startswith(f"{config}/") for path in self.files) else ""
            return [folder + pattern.format(split=split) for pattern in _BELOW] if folder or config == "default" else []
        if config not in self.data_files:
            near = did_you_mean(config, list(self.data_files))
            raise RequestError(f"{self.at} has no configuration '{config}'; {near}")
        splits = self.data_files[config]
        if split not in splits:
            raise RequestError(f"{self.at} has no split '{split}' of '{config}'; there: {', '.join(splits)}")
        return splits[split]

    def _check_whole(self, paths: list[str]) -> None:
        """A cache that was filled by other programs may have some of a split's files. Raises RequestError if one is missing."""
        counted = [(path[: found.start()], int(found[1])) for path in paths if (found := _NUMBERED.search(path))]
        for (name, wanted), there in Counter(counted).items():
            if there != wanted:
                raise RequestError(f"{self.at} has {there} of the {wanted} files {name}-*")

    def _there(self) -> str:
        scripts = [path for path in self.files if path.endswith(".py")]
        return f"; its rows are made by a script ({scripts[0]}), which is not run" if scripts else ""


# What a card says


def data_files(card: Mapping[str, Any]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Configuration -> split -> patterns of paths, from the YAML at the head of a card."""
    return {str(entry["config_name"]): _by_split(entry) for entry in card.get("configs") or () if "data_files" in entry}


def _by_split(entry: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    listed, folder = entry["data_files"], entry.get("data_dir")
    if not isinstance(listed, list) or not any(isinstance(each, Mapping) for each in listed):
        # Files without the name of a split are what is trained on, as the hub's library has it.
        listed = [{"split": "train", "path": listed}]
    prefix = f"{folder.strip('/')}/" if folder else ""
    return {
        str(each["split"]): tuple(prefix + path.removeprefix("./") for path in _all(each["path"])) for each in listed
    }


def _all(paths: Any) -> list[str]:
    return [str(path) for path in paths] if isinstance(paths, list) else [str(paths)]


def class_names(card: Mapping[str, Any]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Configuration -> column -> names of its classes, or of those of the elements of its lists."""
    infos = card.get("dataset_info") or ()
    found = {}
    for info in [infos] if isinstance(infos, Mapping) else infos:
        columns = {str(each.get("name")): _names(each) for each in info.get("features") or ()}
        if any(columns.values()):
            found[str(info.get("config_name", "default"))] = {name: names for name, names in columns.items() if names}
    return found


def _names(feature: Mapping[str, Any]) -> tuple[str, ...]:
    for key in ("dtype", "sequence", "list"):
        match feature.get(key):
            case {"class_label": {"names": Mapping() as names}}:
                return tuple(str(names[number]) for number in sorted(names, key=int))
            case {"class_label": {"names": list(names)}}:
                return tuple(map(str, names))
    return ()
