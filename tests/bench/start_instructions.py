"""Instructions that starts take, which are the same whatever else the machine does."""

import re

from cold_start import NAIVE, NOTHING, PACKAGES, PYJWT, subjects
from infra.functions import AUTHORIZER
from report import Report, Sample, package_versions, sample
from stores import new_database, stores

ROUNDS = 2
CACHEGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
COMPARED = (NOTHING, PYJWT, NAIVE, AUTHORIZER, "health.live", "trades.list", "politicians.list")


def run() -> Report:
    taken = {}
    with stores() as servers, subjects() as started:
        database = new_database(servers.postgres, "bench_instructions", servers.passwords)
        # Hashes of text, and so the work of dictionaries, are drawn anew by each process.
        variables = {**servers.variables(database), "PYTHONHASHSEED": "0"}
        for name in COMPARED:
            counts = []
            for _ in range(ROUNDS):
                with started[name].environment(variables, under=CACHEGRIND) as environment:
                    environment.process.terminate()
                    environment.process.wait()
                    [count] = re.findall(r"I +refs: +([\d,]+)", environment.output())
                    counts.append(int(count.replace(",", "")) / 1e6)
            taken[name] = sample(counts)
    return _report(taken)


def _report(taken: dict[str, Sample]) -> Report:
    return Report(
        title="Instructions of cold starts",
        method=(
            "From the start of the process until it asks for its first event, counted by "
            f"`{' '.join(CACHEGRIND[:2])}`; {ROUNDS} rounds. A system call counts as one, "
            "so that what it waits for is in the times alone. CI holds starts to such "
            "ratios (tests/infra/test_start_instructions.py)."
        ),
        columns=("function", "millions", "of nothing's", "of PyJWT's", "of the naive"),
        rows=tuple(
            (
                f"`{name}`",
                str(count),
                *(count.ratio(taken[peer]) for peer in (NOTHING, PYJWT, NAIVE)),
            )
            for name, count in taken.items()
        ),
        versions=package_versions(*PACKAGES),
        measurements={f"{name}, millions": count.values for name, count in taken.items()},
    )
