import copy

from stilts_ray.errors import RequestError, RowError, did_you_mean


def test_a_row_error_names_its_place() -> None:
    error = RowError("xnli", "xnli/de/test", 7, "first is empty")
    assert str(error) == "xnli: xnli/de/test: row 7: first is empty"
    assert isinstance(error, RequestError)


def test_a_row_error_survives_the_way_between_processes() -> None:
    error = RowError("xnli", "test", 7, "first is empty")
    again = copy.copy(error)  # by __reduce__, as any serialiser does
    assert type(again) is RowError
    assert str(again) == str(error)
    assert (again.task, again.split, again.row, again.reason) == ("xnli", "test", 7, "first is empty")


def test_the_nearest_name_is_suggested_else_all_of_them() -> None:
    assert did_you_mean("mnlli", ["squad", "mnli", "xnli"]) == "did you mean 'mnli'?"
    assert did_you_mean("zzz", ["squad", "mnli"]) == "known: mnli, squad"
