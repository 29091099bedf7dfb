"""What a start takes where it has only a share of a CPU."""

from collections import defaultdict

from cold_start import NAIVE, NOTHING, PACKAGES, PYJWT, subjects
from environment import MB_OF_ONE_CPU
from infra.functions import AUTHORIZER
from report import Report, Sample, package_versions, sample
from stores import new_database, stores

ROUNDS = 7
MEMORY_MB = (512, 1_024, MB_OF_ONE_CPU)
COMPARED = (NOTHING, PYJWT, NAIVE, AUTHORIZER, "health.live", "trades.list", "politicians.list")


def run() -> Report:
    taken: dict[tuple[str, int], list[float]] = defaultdict(list)
    with stores() as servers, subjects() as started:
        database = new_database(servers.postgres, "bench_shares", servers.passwords)
        variables = servers.variables(database)
        for number in range(ROUNDS + 1):
            for memory_mb in MEMORY_MB:
                for name in COMPARED:
                    with started[name].environment(variables, shared_mb=memory_mb) as environment:
                        if number:  # the first one has files read from the disk
                            taken[name, memory_mb].append(environment.init_seconds * 1000)
    return _report({place: sample(values) for place, values in taken.items()})


def _report(taken: dict[tuple[str, int], Sample]) -> Report:
    return Report(
        title="Cold starts with a share of a CPU",
        method=(
            "INIT as under Cold starts, bounded from the start of the process to the share of a "
            "CPU that memory has at Lambda (1,769 MB are one), in periods of 20 ms. "
            f"Ratios are to the same start with {MB_OF_ONE_CPU:,} MB and to the naive set with "
            f"the same memory. {ROUNDS} rounds by turns. Times in ms."
        ),
        columns=(
            "function",
            *(
                head
                for memory_mb in MEMORY_MB
                for head in (f"{memory_mb:,} MB", f"of {MB_OF_ONE_CPU:,} MB's", "of the naive")
            ),
        ),
        rows=tuple(
            (
                f"`{name}`",
                *(
                    cell
                    for memory_mb in MEMORY_MB
                    for cell in (
                        str(taken[name, memory_mb]),
                        taken[name, memory_mb].ratio(taken[name, MB_OF_ONE_CPU]),
                        taken[name, memory_mb].ratio(taken[NAIVE, memory_mb]),
                    )
                ),
            )
            for name in COMPARED
        ),
        versions=package_versions(*PACKAGES),
        measurements={
            f"{name}, {memory_mb} MB, ms": times.values
            for (name, memory_mb), times in taken.items()
        },
    )
