"""Numbers that several processes count together: sums that stay right while processes come and go."""

from __future__ import annotations

import os

import pytest

from passport_service.counts import SLOT, Counts


def child(work) -> None:
    """Does something in a process of its own, and waits for its end."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0


def test_what_each_process_counts_is_seen_by_all_of_them_added_up():
    counts = Counts(slots=3)
    counts.mine.add(("a", "x"), 1)

    def second():
        counts.enter(2)
        counts.mine.add(("a", "x"), 10)
        assert counts.total() == {("a", "x"): 111, ("b",): 5}

    def first():
        counts.enter(1)
        counts.mine.add(("a", "x"), 100)
        counts.mine.add(("b",), 5)
        child(second)

    child(first)
    assert counts.total() == {("a", "x"): 111, ("b",): 5}


def test_what_a_process_has_counted_stays_when_it_has_ended_and_the_next_goes_on_from_there():
    counts = Counts(slots=2)
    for turn in range(1, 4):
        child(lambda: (counts.enter(1), counts.mine.add(("a",), 2), counts.mine.add(("b", "ä\n"), 1)))
        counts.leave(1)
        assert counts.total() == {("a",): 2 * turn, ("b", "ä\n"): turn}


def test_what_is_true_only_while_a_process_lives_is_the_largest_of_those_that_live():
    counts = Counts(slots=3, current=["open"])
    counts.mine.set(("open",), 0)
    child(lambda: (counts.enter(1), counts.mine.set(("open",), 1)))
    child(lambda: (counts.enter(2), counts.mine.set(("open",), 0)))
    assert counts.total() == {("open",): 1}
    counts.leave(1)
    assert counts.total() == {("open",): 0}
    child(lambda: (counts.enter(1), counts.mine.set(("open",), 1)))
    child(lambda: counts.enter(1))  # one whose end nobody has seen
    assert counts.total() == {("open",): 0}


def test_a_process_gets_a_slot_that_no_living_one_has():
    counts = Counts(slots=4)
    assert [counts.free(taken) for taken in ([], [1], [1, None, 3], [1, 2, 3])] == [1, 2, 2, None]


def test_a_process_without_a_slot_counts_for_nobody_and_goes_on():
    counts = Counts(slots=1)
    child(lambda: (counts.enter(None), counts.mine.add(("a",), 1), counts.leave(None)))
    assert counts.total() == {}


def test_numbers_that_find_no_room_are_not_counted_and_the_others_are():
    counts = Counts()
    names = [(f"{number:0500}",) for number in range(SLOT // 500)]
    for name in names:
        counts.mine.add(name, 1)
        counts.mine.add(name, 1)
    found = counts.total()
    assert 400 < len(found) < len(names) and set(found.values()) == {2}
    counts.mine.add(names[0], 1)
    assert counts.total() == found | {names[0]: 3}


@pytest.mark.parametrize("size", range(1, 40))
def test_names_of_any_length_stand_side_by_side(size):
    counts = Counts()
    for number in range(10):
        counts.mine.add((f"{number}" * size, ""), number)
    assert counts.total() == {(f"{number}" * size, ""): number for number in range(10)}
