"""Parameters: their JSON form, and the ones that make no sense."""

import json

import pytest

from portal.datasets.parameters import Parameter, ParameterKind

STATUSES = Parameter(
    "statuses", "Status", ParameterKind.MULTI_CHOICE, choices=(("NEW", "New"), ("OPEN", "Open"))
)


@pytest.mark.parametrize(
    "parameter",
    [
        Parameter("period", "Period", ParameterKind.PERIOD),
        STATUSES,
        Parameter("unit", "Unit", ParameterKind.CHOICE, choices_sql="SELECT code, name FROM units"),
        Parameter("minimum_risk", "Minimum risk", ParameterKind.NUMBER),
    ],
    ids=lambda parameter: parameter.name,
)
def test_it_survives_json(parameter: Parameter) -> None:
    assert Parameter.from_dict(json.loads(json.dumps(parameter.to_dict()))) == parameter


def test_it_has_a_plain_json_form() -> None:
    assert STATUSES.to_dict() == {
        "name": "statuses",
        "label": "Status",
        "kind": "multi_choice",
        "choices": [["NEW", "New"], ["OPEN", "Open"]],
        "choices_sql": None,
    }


@pytest.mark.parametrize("name", ["", "Status", "1st", "a b", "a-b", "p:q", "größe"])
def test_it_refuses_a_name_that_can_not_be_bound(name: str) -> None:
    with pytest.raises(ValueError, match="can't be named"):
        Parameter(name, "Label", ParameterKind.TEXT)


@pytest.mark.parametrize(
    ("kind", "choices", "choices_sql"),
    [
        (ParameterKind.CHOICE, (), None),
        (ParameterKind.MULTI_CHOICE, (), None),
        (ParameterKind.MULTI_CHOICE, (("a", "A"),), "SELECT 1, 2"),
        (ParameterKind.PERIOD, (("a", "A"),), None),
        (ParameterKind.TEXT, (), "SELECT 1, 2"),
    ],
)
def test_it_refuses_choices_that_do_not_fit(
    kind: ParameterKind, choices: tuple[tuple[str, str], ...], choices_sql: str | None
) -> None:
    with pytest.raises(ValueError, match="either choices or choices_sql"):
        Parameter("p", "Label", kind, choices, choices_sql)


def test_it_refuses_an_unknown_kind() -> None:
    with pytest.raises(ValueError, match="slider"):
        Parameter.from_dict({"name": "p", "label": "Label", "kind": "slider"})
