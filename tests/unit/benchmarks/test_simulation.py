"""Simulated time passes in order, and takes none."""

from benchmarks.simulation import START_AT, Simulation


def test_callers_are_woken_in_the_order_of_their_instants() -> None:
    simulation, seen = Simulation(), list[tuple[str, float]]()

    def caller(name: str, *waits: float) -> None:
        for seconds in waits:
            simulation.wait(seconds)
            seen.append((name, round(simulation.elapsed_seconds(), 3)))

    simulation.start(1.0, lambda: caller("late", 1.0))
    simulation.start(0.0, lambda: caller("early", 0.5, 3_600.0))
    simulation.start(0.25, lambda: caller("between", 0.5))
    simulation.run()
    assert seen == [("early", 0.5), ("between", 0.75), ("late", 2.0), ("early", 3_600.5)]
    assert simulation.now_at() == START_AT + 3_600_500


def test_those_of_one_instant_keep_their_order() -> None:
    simulation, seen = Simulation(), list[int]()
    for number in range(5):
        simulation.start(1.0, lambda number=number: seen.append(number))  # type: ignore[misc]
    simulation.run()
    assert seen == [0, 1, 2, 3, 4]


def test_before_it_runs_time_just_passes() -> None:
    simulation = Simulation()
    simulation.wait(2.5)
    assert simulation.elapsed_seconds() == 2.5
