"""Which windows a request must pass."""

from quant.limits.windows import Window
from quant.tiers import ANONYMOUS_CLASS_LIMITS, ANONYMOUS_PER_MINUTE, TIERS, EndpointClass


def account_windows(tier: str, *classes: EndpointClass) -> tuple[Window, ...]:
    """Return the windows of an account: its tier's, and those of the classes that have one.

    Raises:
        KeyError: There is no such tier.
    """
    declared = TIERS[tier]
    return (
        Window("tier", declared.requests_per_minute),
        *(
            Window(name, declared.class_limits[name])
            for name in classes
            if name in declared.class_limits
        ),
    )


def anonymous_windows(endpoint_class: EndpointClass) -> tuple[Window, ...]:
    """Return the windows of a network whose clients have no token."""
    windows = [Window("network", ANONYMOUS_PER_MINUTE)]
    if endpoint_class in ANONYMOUS_CLASS_LIMITS:
        windows.append(Window(endpoint_class, ANONYMOUS_CLASS_LIMITS[endpoint_class]))
    return tuple(windows)
