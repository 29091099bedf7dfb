"""Look the locks' packages up among published vulnerabilities: ``make audit``."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.dependencies import LOCKS

# Identifiers of advisories that do not concern us, each with the reason.
ACCEPTED: Final[Mapping[str, str]] = {}


class AdvisoriesUnavailableError(Exception):
    """The service of advisories cannot be reached, or does not know the packages."""


def audit(lock: Path) -> set[str]:
    """Return the vulnerabilities of what a lock pins, one line for each.

    Every package is looked up by the version that is pinned; none is installed.
    https://docs.pypi.org/api/json/#known-vulnerabilities

    Raises:
        AdvisoriesUnavailableError: Packages could not be looked up.
    """
    command = [
        *(sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"),
        *("--disable-pip", "--require-hashes", "--requirement", str(lock)),
        *(option for identifier in ACCEPTED for option in ("--ignore-vuln", identifier)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        raise AdvisoriesUnavailableError(done.stderr.strip()) from None
    # pip-audit itself passes over these, and would succeed where it has looked nothing up.
    unknown = sorted(each["name"] for each in packages if "skip_reason" in each)
    if unknown:
        msg = f"{len(unknown)} packages have no advisories to look up: {', '.join(unknown)}"
        raise AdvisoriesUnavailableError(msg)
    return {
        f"{each['name']} {each['version']}: {found['id']},"
        f" fixed in {', '.join(found['fix_versions']) or 'no version'}"
        for each in packages
        for found in each["vulns"]
    }


def main() -> None:
    """Audit all locks."""
    try:
        found = set[str]().union(*map(audit, LOCKS))
    except AdvisoriesUnavailableError as error:
        sys.exit(f"error: the locks were not audited: {error}")
    if found:
        sys.exit("\n".join(sorted(found)))


if __name__ == "__main__":
    main()
