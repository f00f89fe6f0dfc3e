"""What a repository of the Hugging Face hub holds at a commit: its files, and which of them are the rows of a split. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from fsspec.utils import glob_translate
from pydantic import BaseModel, ConfigDict

from stilts_ray.errors import RequestError, did_you_mean, first_line

CONVERTED = "refs/convert/parquet"
"""The branch on which the hub keeps its own conversion of a data set, `<configuration>/<split>/<number>.parquet`."""

READABLE = (".parquet", ".jsonl", ".json", ".csv", ".tsv")
"""How names of files with rows end, those that are read if there are several kinds of them first."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_NUMBERED = re.compile(r"-\d{5}-of-(\d{5})")

_BELOW = (
    "{split}/*",
    "data/{split}-*-of-*",
    "{split}-*-of-*",
    "{split}.*",
    "data/{split}.*",
    "*-{split}.*",
    "*_{split}.*",
)
"""Where files of a split are if the card does not say, the first that there are: in the hub's conversions, and as its
libraries write them."""


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a commit, and not a branch or a tag."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


class Repository(BaseModel):
    """A repository at a commit.

    branch: where the commit was found, None for the main one. files: paths. whole: whether these are all that there are, and
    not those that a cache happened to have. data_files: configuration -> split -> patterns of paths, as the card of a data set
    says. class_names: configuration -> column -> names of its classes, likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: Literal["dataset", "model"]
    commit: str
    branch: str | None = None
    files: tuple[str, ...]
    whole: bool = True
    data_files: dict[str, dict[str, tuple[str, ...]]] = {}
    class_names: dict[str, dict[str, tuple[str, ...]]] = {}

    @property
    def at(self) -> str:
        """Name and commit, as messages say it."""
        return f"{self.id}@{self.commit[:8]}"

    def split(self, config: str, split: str) -> tuple[str, ...]:
        """Paths of the files of a split, in their order. Raises RequestError naming what is there instead."""
        found = self._matching(self._patterns(config, split))
        for suffix in READABLE:
            if chosen := [path for path in found if path.removesuffix(".gz").endswith(suffix)]:
                self._check_whole(chosen)
                return tuple(chosen)
        raise RequestError(
            f"{self.at} has no file of rows for configuration '{config}', split '{split}'{self._there()}"
        )

    def _matching(self, patterns: Iterable[str]) -> list[str]:
        """Paths in the order of the patterns, of each in that of their names."""
        found: dict[str, None] = {}
        for pattern in patterns:
            try:
                form = re.compile(glob_translate(pattern))
            except ValueError as error:
                raise RequestError(f"{self.at}: its card names files by '{pattern}': {error}") from None
            found |= dict.fromkeys(path for path in sorted(self.files) if form.match(path))
        return list(found)

    def _patterns(self, config: str, split: str) -> Iterable[str]:
        if not self.data_files:
            folder = f"{config}/" if any(path.startswith(f"{config}/") for path in self.files) else ""
            asked = [folder + form.format(split=split) for form in _BELOW] if folder or config == "default" else []
            # Several may match, as `train.csv` and `train/...`: these would be the same rows in other forms.
            return next(([pattern] for pattern in asked if self._matching([pattern])), [])
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


def described(repository: Repository, card: Any) -> Repository:
    """The repository with what its card says, the YAML at its head. Raises RequestError for a card that is of no known form."""
    try:
        return repository.model_copy(
            update={"data_files": data_files(card or {}), "class_names": class_names(card or {})}
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise RequestError(f"{repository.at}: its card does not say where its rows are ({reason})") from None


def data_files(card: Mapping[str, Any]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Configuration -> split -> patterns of paths, from the YAML at the head of a card."""
    return {str(entry["config_name"]): _by_split(entry) for entry in card.get("configs") or () if "data_files" in entry}


def _by_split(entry: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    listed, folder = entry["data_files"], entry.get("data_dir")
    if isinstance(listed, Mapping):
        listed = [{"split": split, "path": path} for split, path in listed.items()]
    if not isinstance(listed, list) or not any(isinstance(each, Mapping) for each in listed):
        # Files without the name of a split are what is trained on, as the hub's library has it.
        listed = [{"split": "train", "path": listed}]
    prefix = f"{str(folder).removeprefix('./').strip('/')}/" if folder else ""
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
                numbered = {int(number): str(name) for number, name in names.items()}
                # Names that leave out a number would be those of others.
                return (
                    tuple(numbered[n] for n in range(len(numbered)))
                    if set(numbered) == set(range(len(numbered)))
                    else ()
                )
            case {"class_label": {"names": list(names)}}:
                return tuple(map(str, names))
    return ()
