"""The tracking server as the functions see it: where it is, and who may call it."""

from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from infra.rules import accept_wildcards


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """How a function calls the tracking server, wherever that runs.

    Attributes:
        uri: Its URL.
        calls: ARN pattern of all requests to it; ``None`` where requests are not signed.
    """

    uri: str
    calls: str | None = None

    def environment(self) -> dict[str, str]:
        """Return the environment variables that describe it."""
        return {
            "QUANT_TRACKING_URI": self.uri,
            "QUANT_TRACKING_SIGNED": "false" if self.calls is None else "true",
        }

    def grant_calls(self, role: iam.Role) -> None:
        """Let ``role`` call it."""
        if self.calls is not None:
            role.add_to_policy(
                iam.PolicyStatement(actions=["execute-api:Invoke"], resources=[self.calls])
            )
            accept_wildcards(
                role,
                "MLflow's client chooses among the paths of the server, all of which tell of runs.",
                "execute-api:<TrackingApi>/*",
            )
