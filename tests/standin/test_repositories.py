"""What the repositories hold, read from their files without a server."""

import gzip
import io
import json
from collections import Counter
from functools import lru_cache
from typing import Any

import pyarrow.parquet as parquet
import pytest
from datasets import ClassLabel, Features, List

from stilts_ray.tasks import TASKS, Kind, Task
from stilts_ray.tasks.base import parse_split
from tests.standin.content import Repository
from tests.standin.flaws import FLAWS, NO_BREAK_SPACE, flawed, flawed_rows
from tests.standin.repositories import PARQUET_BRANCH, hub_repositories
from tests.standin.rows import replicated
from tests.tasks.rows import FIXTURES, Row

HUB_TASKS = [task for task in TASKS.values() if task.source.hub]


@lru_cache
def by_name(rows: int | None = None) -> dict[str, Repository]:
    return {repository.id: repository for repository in hub_repositories(rows)}


@lru_cache(maxsize=2048)
def table(repository: Repository, config: str, split: str) -> list[Row]:
    """The rows of a split of a configuration, from whatever files hold it; class labels by name."""
    files = (repository.commit(PARQUET_BRANCH) or repository.main).files
    if (lines := files.get(f"{split}/{config}.jsonl.gz")) is not None:
        return [json.loads(line) for line in gzip.decompress(lines).splitlines()]
    folders = (f"{config}/{split}-", f"data/{split}-", f"{config}/{split}/")
    found = [parquet.read_table(io.BytesIO(files[path])) for path in files if path.startswith(folders)]
    assert found, f"{repository.id} has no {config}/{split}"
    features = Features.from_arrow_schema(found[0].schema)
    rows = (row for part in found for row in part.to_pylist())
    return [{column: named(value, features[column]) for column, value in row.items()} for row in rows]


def named(value: Any, feature: Any) -> Any:
    """Class labels by name."""
    match feature:
        case ClassLabel():
            return feature.names[value]
        case List(feature=ClassLabel() as inner):
            return [named(one, inner) for one in value]
    return value


def rows_of(task: Task, split: str, language: str, rows: int | None) -> list[Row]:
    """The rows of one part of a task in a language, as its reader would have them."""
    name, bounds = parse_split(split)
    whole = table(by_name(rows)[task.source.hub or ""], task.source.hub_config(language), name)
    own = [row for row in whole if not task.source.prefix or row["id"].startswith(task.source.id_prefix(language))]
    return own[bounds]


@pytest.mark.parametrize("task", HUB_TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("rows", [None, 20])
def test_every_task_reads_every_language_it_lists(task: Task, rows: int | None) -> None:
    for split in dict.fromkeys(split for split in (task.train, task.dev, task.test) if split):
        languages = task.languages if split == task.test else task.train_languages
        for language in languages or ("en",):
            for part, name in task.parts(split):
                found = rows_of(part, name, language, rows)
                assert all(part.example(row) is not None for row in found)
                if rows is None or part.kind is Kind.MINING:
                    assert found
                else:
                    assert len(found) == (parse_split(name)[1].stop or rows)


def test_as_many_rows_as_wished_under_names_of_their_own() -> None:
    for name in ("squad", "mnli", "pawsx", "hellaswag", "pubmedqa", "anli", "candidate_entities"):
        rows = replicated(FIXTURES[name].rows["en"], 50)
        for column in {"id", "idx", "ind", "pubid", "uid", "entity_id"} & set(rows[0]):
            assert len({row[column] for row in rows}) == 50, (name, column)


def test_no_two_languages_have_the_same_rows() -> None:
    for task in HUB_TASKS:
        split = task.test or ""
        firsts = [str(rows_of(task, split, language, None)[0]) for language in task.languages]
        assert len(set(firsts)) == len(firsts), task.name


def test_no_two_files_are_the_same() -> None:
    for repository in by_name().values():
        contents = list(repository.main.files.values())
        assert len(set(contents)) == len(contents), repository.id


def test_the_older_commit_has_fewer_rows() -> None:
    glue = by_name()["nyu-mll/glue"]
    old, new = (set(commit.files) for commit in glue.commits)
    assert old == new
    assert len(table(glue, "mnli", "train")) == 8
    path = "mnli/train-00000-of-00001.parquet"
    assert parquet.read_metadata(io.BytesIO(glue.commits[0].files[path])).num_rows == 4


def test_commits_do_not_change_from_session_to_session() -> None:
    assert by_name()["rajpurkar/squad"].main.id == hub_repositories.__wrapped__()[4].main.id


# Flaws

SPLITS = list(dict.fromkeys((flaw.repository, flaw.config, flaw.split) for flaw in FLAWS))


def flaws_of(row: Row, ids: Counter[Any]) -> set[str]:
    """The flaws that a row shows, found without looking at how they are made."""
    found = {"repeated_id"} if "id" in row and ids[row["id"]] > 1 else set()
    if "answers" in row:
        pairs = list(zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True))
        if any(text not in row["context"] for text, _ in pairs):
            found.add("absent_answer")
        elif any(row["context"][start - blanks :].startswith(text) for text, start in pairs for blanks in (1, 2)):
            found.add("stripped_context")
        elif not pairs:
            found.add("no_answer")
    blank = {"empty_second_question": row.get("question2") == "", "blank_sentences": row.get("sentence1") == ""}
    null = {"null_second_context": "ctx_b" in row and row["ctx_b"] is None}
    token = {"blank_token": NO_BREAK_SPACE in row.get("tokens", ())}
    return found | {name for name, shown in (blank | null | token).items() if shown}


@pytest.mark.parametrize("repository, config, split", SPLITS)
@pytest.mark.parametrize("rows", [None, 200])
def test_rows_have_the_flaws_of_the_table_and_no_others(
    repository: str, config: str, split: str, rows: int | None
) -> None:
    (changed,) = flawed((by_name(rows)[repository],))
    before, after = (table(one, config, split) for one in (by_name(rows)[repository], changed))
    different = [new for old, new in zip(before, after, strict=True) if old != new]
    ids = Counter(row.get("id") for row in after)
    # An unanswerable question of SQuAD 2.0 is none of the changed rows.
    shown = Counter(flaw for row in different for flaw in flaws_of(row, ids))
    assert shown == flawed_rows(repository, config, split)
    assert len(different) == sum(shown.values())
    if rows and "quad" not in config and "tydiqa" not in repository:
        assert len(different) <= rows // 100


def test_only_repositories_in_the_table_are_changed() -> None:
    before = hub_repositories()
    for old, new in zip(before, flawed(before), strict=True):
        if old.id in {flaw.repository for flaw in FLAWS}:
            assert new.commits[:-1] == old.commits
            assert new.main.id != old.main.id
        else:
            assert new is old


def test_a_flaw_of_a_split_that_is_not_there_is_told() -> None:
    glue = by_name()["nyu-mll/glue"]
    without = Repository(glue.id, "datasets", glue.commits[:1], {"main": glue.commits[0].id})
    files = {path: content for path, content in without.main.files.items() if "qqp" not in path}
    with pytest.raises(FileNotFoundError, match="qqp/train"):
        flawed((Repository(glue.id, "datasets", ()).with_commit(type(glue.main)(files)),))


def test_the_flaws_of_one_language_are_told_apart() -> None:
    tydiqa = ("google-research-datasets/tydiqa", "secondary_task", "train")
    assert flawed_rows(*tydiqa, prefix="arabic-") == {}
    assert flawed_rows(*tydiqa, prefix="english-") == flawed_rows(*tydiqa)
