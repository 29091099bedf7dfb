"""The memory that a fuzzed parser may take."""

import resource

MEMORY_BYTES = 2 * 1024**3

# libFuzzer compares the peak of ``getrusage``, which a process inherits from the one that started
# it: a large test runner would fail every target at its first second.
NO_LIMIT_OF_LIBFUZZER = "-rss_limit_mb=0"


def limit_memory() -> None:
    """Make an allocation beyond ``MEMORY_BYTES`` of address space a ``MemoryError``."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
