import copy

from stilts_ray.errors import RequestError, RowError, did_you_mean


def test_a_row_error_names_its_place() -> None:
    error = RowError("xnli", "xnli/de/test.parquet", 7, "no label")
    assert str(error) == "xnli: xnli/de/test.parquet: row 7: no label"
    more = RowError("squad", "squad/train.parquet", 7, "no answer", " (id 5a)", 2)
    assert str(more) == "squad: squad/train.parquet: row 7 (id 5a): no answer; and 2 more rows"
    assert isinstance(error, RequestError)


def test_a_row_error_survives_the_way_between_processes() -> None:
    error = RowError("xnli", "test", 7, "first is empty", " (id 3)", 1)
    again = copy.copy(error)  # by __reduce__, as any serialiser does
    assert type(again) is RowError
    assert str(again) == str(error)
    assert (again.task, again.file, again.row, again.reason) == ("xnli", "test", 7, "first is empty")
    assert (again.name, again.more) == (" (id 3)", 1)


def test_the_nearest_name_is_suggested_else_all_of_them() -> None:
    assert did_you_mean("mnlli", ["squad", "mnli", "xnli"]) == "did you mean 'mnli'?"
    assert did_you_mean("zzz", ["squad", "mnli"]) == "known: mnli, squad"
