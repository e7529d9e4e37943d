"""A deterministic simulator: the real functions on a simulated DynamoDB, with every delay, fault and death drawn from one seed.

    python -m tests.simulator --seed N        one run, with its trace when it finds something
    python -m tests.simulator --minutes 10    one seed after the other

See docs/simulator.md.
"""
