"""Which version answers: by weight, the same for the same request, and swapped as a whole."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from service.fleet.json_object import BadObject
from service.fleet.rollout import MOST_MODELS, Plan, Rollout, plan_of, plans_in, point
from service.settings import BadSettings, Settings

CANARY = Plan({"1": 95, "2": 5})


@pytest.mark.parametrize(
    ("plan", "versions", "at", "chosen"),
    [
        (CANARY, ["1", "2"], 0.0, "1"),
        (CANARY, ["1", "2"], 0.9499, "1"),
        (CANARY, ["1", "2"], 0.95, "2"),
        (CANARY, ["1", "2"], 0.9999, "2"),
        (CANARY, ["1"], 0.99, "1"),
        (CANARY, ["2"], 0.0, "2"),
        (CANARY, ["1", "2", "3"], 0.9999, "2"),  # without a weight it gets none
        (CANARY, ["3", "4"], 0.0, "4"),  # none of those is loaded
        (Plan({"1": 1, "2": 0}), ["1", "2"], 0.9999, "1"),
        (Plan({"1": 0, "2": 1}), ["1"], 0.5, "1"),  # better than no answer at all
        (Plan({"1": 1, "2": 1, "3": 1}), ["1", "3"], 0.49, "1"),
        (Plan({"1": 1, "2": 1, "3": 1}), ["1", "3"], 0.5, "3"),
        (Plan({"1": 0.5, "2": 1.5}), ["1", "2"], 0.2499, "1"),
        (Plan({"1": 5e-324}), ["1"], 0.9999, "1"),
        (Plan(shadow={"3": 0.1}), ["1", "2", "3"], 0.5, "2"),  # a shadow never begins to answer
        (Plan(shadow={"3": 0}), ["1", "2", "3"], 0.5, "3"),
        (Plan(shadow={"3": 0.1}), ["3"], 0.5, "3"),
        (Plan({"1": 1, "3": 1}, {"3": 0.1}), ["1", "3"], 0.5, "3"),  # unless it has a weight
    ],
)
def test_the_version_that_answers(plan: Plan, versions: list[str], at: float, chosen: str) -> None:
    assert plan.choose(versions, at) == chosen


def test_a_request_on_the_canary_stays_there_while_its_weight_grows() -> None:
    points = [number / 1000 for number in range(1000)]

    def on_canary(weight: int) -> set[float]:
        plan = Plan({"1": 100 - weight, "2": weight})
        return {at for at in points if plan.choose(["1", "2"], at) == "2"}

    assert [len(on_canary(weight)) for weight in (5, 10, 50, 100)] == [50, 100, 500, 1000]
    assert on_canary(5) < on_canary(10) < on_canary(50)


@pytest.mark.parametrize(
    ("plan", "versions", "shares"),
    [
        (CANARY, ["1", "2", "3"], {"1": 0.95, "2": 0.05, "3": 0}),
        (CANARY, ["1"], {"1": 1}),
        (CANARY, ["3"], {"3": 1}),
        (CANARY, [], {}),
        (Plan(), ["1", "2"], {"1": 0, "2": 1}),
        (Plan(shadow={"2": 1}), ["1", "2"], {"1": 1, "2": 0}),
    ],
)
def test_the_shares_of_what_is_loaded(
    plan: Plan, versions: list[str], shares: dict[str, float]
) -> None:
    assert plan.shares(versions) == shares


@pytest.mark.parametrize(
    ("plan", "versions", "main"),
    [
        (CANARY, ["1", "2", "3"], "1"),
        (CANARY, ["2", "3"], "2"),
        (Plan({"1": 1, "2": 1}), ["1", "2"], "2"),
        (Plan(shadow={"2": 1}), ["1", "2"], "1"),
        (Plan({"9": 1}), ["1", "2"], "2"),
    ],
)
def test_the_main_version_is_that_of_most_requests(
    plan: Plan, versions: list[str], main: str
) -> None:
    assert plan.main(versions) == main


def test_a_point_is_the_same_for_the_same_request_and_else_looks_like_chance() -> None:
    assert point("a") == point("a") == 0.12490157115281919
    assert point("a", "shadow 3") != point("a")
    counted = Counter(int(10 * point(f"request-{number}")) for number in range(10_000))
    assert set(counted) == set(range(10))
    assert all(900 < count < 1100 for count in counted.values())


def test_the_settings_give_both_parts_of_a_plan() -> None:
    settings = Settings(
        rollout='{"places365": {"1": 95, "2": 5}}', shadow='{"places365": {"3": 0.1}, "b": {}}'
    )
    rollout = Rollout.from_settings(settings)
    assert rollout.plans == {"places365": Plan({"1": 95, "2": 5}, {"3": 0.1})}
    assert rollout.plan("places365")[1] == "settings"
    assert rollout.plan("none") == (Plan(), None)
    assert Rollout.from_settings(Settings()).plans == {}


@pytest.mark.parametrize(
    ("variable", "text", "told"),
    [
        ("rollout", "places365=1:95", "It is no JSON; write an object such as {"),
        ("rollout", '{"tiny": {"1": 0}}', "The weights of tiny are all 0; give a version more"),
        ("shadow", '{"Tiny": {"3": 0.1}}', '"Tiny" is no name of a model, which has small letter'),
        ("shadow", '{"tiny": {"3": 10}}', "The share of the shadow 3 of tiny is 10, and must be"),
    ],
)
def test_settings_that_wont_do_are_told(variable: str, text: str, told: str) -> None:
    with pytest.raises(BadSettings) as error:
        Rollout.from_settings(Settings.model_validate({variable: text}))
    assert str(error.value).startswith(f"BOOTH_{variable.upper()} won't do: {told}")


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ('{"1": -5}', "version 1 of tiny is -5, and must be a number from 0 to 1000000."),
        ('{"1": NaN}', "version 1 of tiny is NaN, and must be a number from 0 to 1000000."),
        ('{"1": 1e999}', "version 1 of tiny is Infinity, and must be a number from 0 to 1000000."),
        ('{"1": true}', "version 1 of tiny is true, and must be a number from 0 to 1000000."),
        ('{"1": "95"}', 'version 1 of tiny is "95", and must be a number from 0 to 1000000.'),
        ('{"1": 1000001}', "is 1000001, and must be a number from 0 to 1000000."),
        (f'{{"1": 1{"0" * 400}}}', "..., and must be a number from 0 to 1000000."),
        ('{"1": 0, "2": 0}', "The weights of tiny are all 0; give a version more, or leave"),
        ('{"../1": 1}', '"../1" is no version of a model'),
        ('{"": 1}', '"" is no version of a model'),
        ("[95, 5]", "The weights of tiny must be an object such as"),
    ],
)
def test_weights_that_wont_do_are_told(weights: str, told: str) -> None:
    with pytest.raises(BadObject) as error:
        plans_in(f'{{"tiny": {{"weights": {weights}}}}}')
    assert told in str(error.value)


def test_the_plans_of_a_file() -> None:
    text = b'{"a": {"weights": {"1": 1}, "shadow": {"2": 0.5}}, "b": {}, "c": {"shadow": {}}}'
    assert plans_in(text) == {"a": Plan({"1": 1}, {"2": 0.5}), "b": Plan(), "c": Plan()}
    with pytest.raises(
        BadObject, match=r'^The rollout of a: there is no "wieghts"; did you mean weig'
    ):
        plans_in('{"a": {"wieghts": {"1": 1}}}')
    with pytest.raises(
        BadObject, match=r"^The rollout of a must be an object such as .*, not null\.$"
    ):
        plan_of(None, "a")
    with pytest.raises(BadObject, match=r'^"\.\./etc" is no name of a model'):
        plan_of({}, "../etc")


def test_the_repository_comes_before_the_settings_and_a_request_before_both() -> None:
    rollout = Rollout({"a": CANARY, "b": CANARY})
    assert rollout.replace({"a": Plan({"2": 1}), "b": Plan()})
    assert rollout.plans == {"a": Plan({"2": 1})}  # an empty plan is one: b has none any more
    rollout.put("a", Plan({"1": 1}))
    assert rollout.plan("a") == (Plan({"1": 1}), "request")
    assert rollout.plan("b") == (Plan(), "repository")
    assert not rollout.replace({"a": Plan({"2": 1}), "b": Plan()})  # as it was: requests hold
    assert rollout.plans["a"] == Plan({"1": 1})
    assert rollout.replace({"a": Plan({"3": 1})})
    assert rollout.plans == {"a": Plan({"3": 1}), "b": CANARY}
    assert rollout.replace({})
    assert rollout.plans == {"a": CANARY, "b": CANARY}


def test_plans_by_request_are_bounded() -> None:
    rollout = Rollout()
    for number in range(MOST_MODELS):
        rollout.put(f"model{number}", CANARY)
    rollout.put("model0", Plan())
    with pytest.raises(BadObject, match="256 models have a rollout, as many as may"):
        rollout.put("one-more", CANARY)


def test_changes_from_several_threads_lose_none() -> None:
    rollout = Rollout()

    def put(thread: int) -> None:
        for number in range(25):
            rollout.put(f"model{thread}-{number}", CANARY)

    threads = [threading.Thread(target=put, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(rollout.plans) == 100
