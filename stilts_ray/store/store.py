"""The store of results: a local folder or an object store (s3://, gs://), through fsspec.

    <store>/<kind>/<name>-<digest8>/record.json      written last; its presence means that the step or job is finished
                                    failure.json     why it failed, if it did
                                    weights.safetensors, model/, checkpoint/
    <store>/lock.json                                the driver that uses the store
    <store>/repositories.json                        commits and files of hub repositories, resolved once

Object stores have no atomic rename, so completeness depends only on the record. A folder without one is ignored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from stilts_ray.errors import RequestError
from stilts_ray.store.objects import ObjectStore
from stilts_ray.store.records import AnyRecord, Failure, parse_record

T = TypeVar("T")

RECORD, FAILURE = "record.json", "failure.json"


@dataclass(frozen=True)
class Store(ObjectStore):
    """The records and failures of steps and jobs, and the files beside them."""

    def records_in(self, folders: Sequence[str]) -> dict[str, AnyRecord]:
        """Folder -> record, of those folders that have one. Raises RequestError for a damaged record."""
        texts = self.texts_in(folders, RECORD)
        return {folder: self._parsed(parse_record, text, folder, RECORD) for folder, text in texts.items()}

    def failures_in(self, folders: Sequence[str]) -> dict[str, Failure]:
        """Folder -> failure, of those folders that have one. Raises RequestError for a damaged one."""
        texts = self.texts_in(folders, FAILURE)
        return {folder: self._parsed(_failure, text, folder, FAILURE) for folder, text in texts.items()}

    def record(self, folder: str) -> AnyRecord | None:
        """The record in a folder, None if there is none. Raises RequestError for a damaged record."""
        return self.records_in([folder]).get(folder)

    def failure(self, folder: str) -> Failure | None:
        """The failure of the step or job in a folder, None if there is none."""
        return self.failures_in([folder]).get(folder)

    def records(self, kind: str) -> dict[str, AnyRecord]:
        """Digest -> record, of all records of a kind."""
        return {record.digest: record for record in self.records_in(self.folders(kind)).values()}

    def write_record(self, record: AnyRecord, folder: str) -> None:
        """Writes a record, and deletes an earlier failure."""
        self.write_json(record.model_dump(mode="json"), folder, RECORD)
        self.delete(folder, FAILURE)

    def write_failure(self, failure: Failure, folder: str) -> None:
        """Writes the failure of a step or job."""
        self.write_json(failure.model_dump(mode="json"), folder, FAILURE)

    def _parsed(self, parse: Callable[[bytes, str], T], text: bytes, folder: str, name: str) -> T:
        try:
            return parse(text, folder)
        except ValueError:
            path = f"{folder}/{name}"
            raise RequestError(f"store {self.url}: {path} is damaged; delete it to make the step again") from None


def _failure(text: bytes, folder: str) -> Failure:
    return Failure.model_validate_json(text)


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
