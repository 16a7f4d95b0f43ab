import asyncio

import pytest

from service.web.turns import Turns


def served(asked: list[str], *, leaves: int | None = None) -> list[str]:
    """Who gets a turn when, of all that ask while another one has it; one may leave meanwhile."""

    async def ask() -> list[str]:
        turns, order = Turns(), []

        async def one(name: str) -> None:
            async with turns.of(name[0]):
                order.append(name)
                await asyncio.sleep(0)

        async with turns.of("first"):
            tasks = [asyncio.create_task(one(name)) for name in asked]
            await asyncio.sleep(0)
            if leaves is not None:
                tasks[leaves].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with turns.of("last"):  # it is free again
            return order

    return asyncio.run(ask())


def test_each_client_has_its_turn_however_many_requests_another_has() -> None:
    assert served(["a1", "a2", "a3", "b1", "c1", "b2"]) == ["a1", "b1", "c1", "a2", "b2", "a3"]


@pytest.mark.parametrize("leaves", [0, 1])
def test_who_leaves_keeps_nobody_waiting(leaves: int) -> None:
    left = [name for index, name in enumerate(["a1", "a2", "b1"]) if index != leaves]
    assert sorted(served(["a1", "a2", "b1"], leaves=leaves)) == left


def test_who_leaves_with_the_turn_just_given_gives_it_on() -> None:
    async def ask() -> str:
        turns = Turns()

        async def one() -> str:
            async with turns.of("a"):
                return "served"

        async with turns.of("b"):
            leaving, staying = asyncio.create_task(one()), asyncio.create_task(one())
            await asyncio.sleep(0)
        leaving.cancel()  # it has the turn, but has not run yet
        return await asyncio.wait_for(staying, 10)

    assert asyncio.run(ask()) == "served"
