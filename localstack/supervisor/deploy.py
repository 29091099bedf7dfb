"""The steps that turn three servers into the platform: secrets, stacks, schema, keys, data."""

import importlib
import json
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from supervisor.commands import Commands, StepError
from supervisor.database import APP_ROLE, DATABASE, OWNER_ROLE
from supervisor.servers import HOST, VALKEY_USER
from supervisor.stacks import Assembly, publish, require_complete
from supervisor.stacks import create as create_stacks
from supervisor.state import PROJECT, Credentials, Ports, State, digest, read_json

ACCOUNT = "000000000000"
REGION = "us-east-1"
# The qualifier and version that aws-cdk-lib's DefaultStackSynthesizer looks for; see
# https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
BOOTSTRAP_BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = "30"

DATABASE_SECRET = "quant/local/database"  # noqa: S105
DATABASE_ADMIN_SECRET = "quant/local/database-admin"  # noqa: S105
VALKEY_SECRET = "quant/local/valkey"  # noqa: S105

# What the names of the local environment's functions start with.
FUNCTIONS = "quant-local-"
PRECOMPUTE = f"{FUNCTIONS}analytics-precompute"
# Longer than Lambda lets a function run, seconds.
_PRECOMPUTE_TIMEOUT = 930
# Of the sample it takes two minutes, of ten years of disclosures ten.
_LEARN_TIMEOUT = 1200

_DIGEST_FILE = "quant-digest.txt"


@dataclass(frozen=True)
class Endpoints:
    """Where the servers listen."""

    ports: Ports

    @property
    def aws(self) -> str:
        """Endpoint of every AWS service."""
        return f"http://{HOST}:{self.ports.localstack}"

    @property
    def tracking(self) -> str:
        """Where the tracking server listens, if there is one."""
        return f"http://{HOST}:{self.ports.tracking}"

    def aws_environment(self) -> dict[str, str]:
        """Return the variables that send any AWS SDK to LocalStack."""
        return {
            "AWS_ENDPOINT_URL": self.aws,
            "AWS_ENDPOINT_URL_S3": self.aws,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def context(self) -> dict[str, str]:
        """Return the CDK context of the local environment."""
        return {
            "env": "local",
            "endpoint_url": self.aws,
            "database_host": HOST,
            "database_port": str(self.ports.postgres),
            "valkey_host": HOST,
            "valkey_port": str(self.ports.valkey),
            # Also without a tracking server, so that nothing is deployed anew when there is one.
            "tracking_uri": self.tracking,
        }

    def client(self, service: str, *, read_timeout: int = 60) -> Any:
        """Return a boto3 client of a LocalStack service.

        Args:
            service: its name.
            read_timeout: how long an answer may take, seconds.
        """
        import boto3  # noqa: PLC0415 - costs a second, in which the servers may start
        from botocore.config import Config  # noqa: PLC0415

        return boto3.client(
            service,
            config=Config(read_timeout=read_timeout),
            endpoint_url=self.aws,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106
        )


def build_artifacts(commands: Commands) -> None:
    """Build the layers and the OpenAPI document; quick where nothing changed."""
    commands.run("build", [sys.executable, "-m", "infra.build", "--target", "local"])


def synthesise(commands: Commands, state: State, endpoints: Endpoints) -> str:
    """Synthesise the stacks unless the assembly at hand is of the same inputs.

    The app is run as the CDK CLI runs it (command and context from cdk.json) but without the CLI,
    which would ask LocalStack for the account while that is still starting.

    Returns:
        The digest of the inputs, the assembly's identity.
    """
    context = endpoints.context()
    wanted = digest(_synthesis_inputs(), json.dumps(context, sort_keys=True), sys.version)
    if (state.assembly / "manifest.json").exists() and _read(state.assembly) == wanted:
        return wanted
    settings = read_json(PROJECT / "cdk.json")
    if "app" not in settings:
        raise StepError(f"synth: {PROJECT / 'cdk.json'} names no app")
    making = state.assembly.with_name("cdk.out.new")
    shutil.rmtree(making, ignore_errors=True)
    environment = {
        "CDK_OUTDIR": str(making),
        "CDK_CONTEXT_JSON": json.dumps({**settings.get("context", {}), **context}),
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        **endpoints.aws_environment(),
    }
    commands.run("synth", shlex.split(settings["app"]), environment)
    (making / _DIGEST_FILE).write_text(wanted)
    shutil.rmtree(state.assembly, ignore_errors=True)
    making.rename(state.assembly)
    return wanted


def bootstrap(endpoints: Endpoints) -> None:
    """Make the two of `cdk bootstrap`'s resources that a deployment to LocalStack uses."""
    endpoints.client("s3").create_bucket(Bucket=BOOTSTRAP_BUCKET)
    endpoints.client("ssm").put_parameter(
        Name=BOOTSTRAP_PARAMETER, Value=BOOTSTRAP_VERSION, Type="String", Overwrite=True
    )


def create_secrets(endpoints: Endpoints, credentials: Credentials) -> dict[str, str]:
    """Put the stores' credentials into Secrets Manager, in the form RDS gives them.

    Returns:
        ARN by name of secret.
    """
    client = endpoints.client("secretsmanager")
    logins = {
        DATABASE_SECRET: (APP_ROLE, credentials.app),
        DATABASE_ADMIN_SECRET: (OWNER_ROLE, credentials.owner),
        VALKEY_SECRET: (VALKEY_USER, credentials.valkey),
    }
    arns = {}
    for name, (username, password) in logins.items():
        value = json.dumps({"username": username, "password": password})
        try:
            answer = client.create_secret(Name=name, SecretString=value)
        except client.exceptions.ResourceExistsException:
            answer = client.put_secret_value(SecretId=name, SecretString=value)
        arns[name] = str(answer["ARN"])
    return arns


def restore(state: State, endpoints: Endpoints) -> dict[str, str]:
    """Create the synthesised stacks in a LocalStack that has none of them.

    Returns:
        The outputs of all stacks by their names.

    Raises:
        StepError: a stack could not be created.
    """
    assembly = Assembly(state.assembly, ACCOUNT, REGION)
    publish(assembly, endpoints.client("s3"), state.directory / "assets")
    return create_stacks(assembly, endpoints.client("cloudformation"), endpoints.aws)


def deploy(commands: Commands, state: State, endpoints: Endpoints) -> dict[str, str]:
    """Bring the stacks up to the synthesised ones, with ``cdk deploy``.

    Returns:
        The outputs of all stacks by their names.

    Raises:
        StepError: the CDK CLI is missing or failed, or a stack is not what was asked for.
    """
    cdk = PROJECT / "node_modules" / ".bin" / "cdk"
    if not cdk.exists():
        raise StepError(f"deploy: {cdk} is missing; run `npm ci` in the project folder")
    outputs_file = state.directory / "outputs.json"
    outputs_file.unlink(missing_ok=True)
    command = [str(cdk), "deploy", "--all", "--app", str(state.assembly)]
    command += ["--outputs-file", str(outputs_file), "--require-approval", "never"]
    command += ["--method", "direct", "--progress", "events", "--ci", "--no-notices"]
    command += ["--concurrency", "3", "--asset-parallelism"]
    environment = {
        **endpoints.aws_environment(),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "NODE_NO_WARNINGS": "1",
    }
    assembly = Assembly(state.assembly, ACCOUNT, REGION)
    cloudformation = endpoints.client("cloudformation")
    try:
        commands.run("deploy", command, environment)
    except StepError:
        require_complete(assembly, cloudformation)
        raise
    require_complete(assembly, cloudformation)
    return {
        key: value for stack in read_json(outputs_file).values() for key, value in stack.items()
    }


def stacks_exist(endpoints: Endpoints) -> bool:
    """Tell whether LocalStack holds any stack."""
    return bool(endpoints.client("cloudformation").describe_stacks()["Stacks"])


def api_url(outputs: Mapping[str, str], endpoints: Endpoints) -> str:
    """Return the base URL of the deployed API, without a slash at its end.

    Raises:
        StepError: the outputs name no REST API.
    """
    api, stage = outputs.get("RestApiId"), outputs.get("StageName")
    given = outputs.get("ApiUrl", "")
    if not (api and stage) and given:
        # https://<api>.execute-api.<region>.<suffix>/<stage>/ , which resolves only at AWS.
        parts = urlsplit(given)
        if ".execute-api." not in parts.netloc:
            return given.rstrip("/")
        api, stage = parts.netloc.split(".", 1)[0], parts.path.strip("/")
    if not (api and stage):
        raise StepError(
            "deploy: the stacks have neither outputs RestApiId and StageName nor ApiUrl"
        )
    return f"{endpoints.aws}/_aws/execute-api/{api}/{stage}"


def quant_environment(endpoints: Endpoints, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the ``quant`` command, which works as the database's owner."""
    return {
        **endpoints.aws_environment(),
        "QUANT_ENVIRONMENT": "local",
        "QUANT_DATABASE_HOST": HOST,
        "QUANT_DATABASE_PORT": str(endpoints.ports.postgres),
        "QUANT_DATABASE_NAME": DATABASE,
        "QUANT_DATABASE_TLS": "false",
        "QUANT_DATABASE_SECRET_ARN": secrets[DATABASE_ADMIN_SECRET],
        "QUANT_VALKEY_HOST": HOST,
        "QUANT_VALKEY_PORT": str(endpoints.ports.valkey),
        "QUANT_VALKEY_TLS": "false",
        "QUANT_VALKEY_SECRET_ARN": secrets[VALKEY_SECRET],
    }


def token_environment(endpoints: Endpoints, outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the commands that make keys and tokens.

    Issuer, audience and key set are those the deployed authorizer goes by.

    Raises:
        StepError: no function is told of them, or the stacks name no signing key.
    """
    pages = endpoints.client("lambda").get_paginator("list_functions").paginate()
    environment = {
        name: value
        for page in pages
        for function in page["Functions"]
        for name, value in function.get("Environment", {}).get("Variables", {}).items()
        if name.startswith(("QUANT_TOKEN_", "QUANT_API_KEY_"))
    }
    if "QUANT_TOKEN_ISSUER" not in environment:
        raise StepError("deploy: no deployed function has QUANT_TOKEN_ISSUER in its environment")
    if "SigningKeySecretArn" not in outputs:
        raise StepError("deploy: the stacks have no output SigningKeySecretArn")
    environment["QUANT_TOKEN_SIGNING_KEY_SECRET_ARN"] = outputs["SigningKeySecretArn"]
    return environment


def pipeline_environment(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the commands that operate the pipeline.

    Raises:
        StepError: the stacks name no bucket of raw documents.
    """
    if "RawBucketName" not in outputs:
        raise StepError("deploy: the stacks have no output RawBucketName")
    return {"QUANT_RAW_BUCKET": outputs["RawBucketName"]}


def ml_environment(
    endpoints: Endpoints, outputs: Mapping[str, str], *, tracking: bool
) -> dict[str, str]:
    """Return the settings of the commands that train and predict."""
    environment = {}
    if "MlBucketName" in outputs:
        environment["QUANT_ML_BUCKET"] = outputs["MlBucketName"]
    if tracking:
        environment["QUANT_TRACKING_URI"] = endpoints.tracking
        environment["QUANT_TRACKING_SIGNED"] = "false"
    return environment


def migrations_digest() -> str:
    """Return the digest of what brings the schema up to date."""
    folder = PROJECT / "layers" / "quant" / "python" / "quant" / "db"
    return digest([folder / "migrate.py", folder / "migrations"])


def migrate(commands: Commands, environment: Mapping[str, str]) -> None:
    """Bring the schema up to date."""
    commands.run("migrate", [quant_command(), "db", "upgrade"], environment)


def seed(commands: Commands, environment: Mapping[str, str], data: Path | None) -> None:
    """Load the data of a folder, or the sample where None."""
    options = ["--data", str(data)] if data else []
    commands.run("seed", [quant_command(), "seed", *options], environment)


def learn(commands: Commands, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Train the models on the data there is, and predict with those that became champions.

    Raises:
        StepTimeoutError: it takes too long; what was done of the training is not done again.
        StepError: it failed.
    """
    # Tables are as wide as the terminal that they are passed on to.
    width = str(shutil.get_terminal_size((120, 24)).columns)
    for command in ("train", "predict"):
        commands.show(
            "learn",
            [quant_command(), "ml", command],
            {**environment, "COLUMNS": width},
            say=say,
            timeout=_LEARN_TIMEOUT,
        )


def precompute(endpoints: Endpoints) -> None:
    """Have what analytics answer with computed now, not when the rule next fires.

    Raises:
        StepError: the function failed.
    """
    client = endpoints.client("lambda", read_timeout=_PRECOMPUTE_TIMEOUT)
    answer = client.invoke(FunctionName=PRECOMPUTE, Qualifier="live", Payload=b"{}")
    payload = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise StepError(f"analytics: {PRECOMPUTE} failed: {_reason(payload)}")


def _reason(payload: str) -> str:
    """Say of a failed function's answer what failed, without its traceback."""
    try:
        error = json.loads(payload)
        return f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        return payload


def make_token(endpoints: Endpoints, environment: Mapping[str, str], tier: str = "free") -> str:
    """Return an access token of a tier, after making signing keys where the secrets hold none.

    Does what `quant keys ensure` and `quant token` do, without starting them: each imports for
    seconds what is here already.
    """
    from quant.demo import demo_token  # noqa: PLC0415 - slow, see preload
    from quant.keys import ensure_keys  # noqa: PLC0415
    from quant.settings import SigningSettings  # noqa: PLC0415

    client = endpoints.client("secretsmanager")
    read = _reader(client)

    def write(arn: str, value: str) -> None:
        client.put_secret_value(SecretId=arn, SecretString=value)

    settings = SigningSettings.of(environment)
    ensure_keys(settings.signing_key_secret_arn, settings.jwks_secret_arn, read=read, write=write)
    return demo_token(settings, tier, read=read)


def _reader(secrets: Any) -> Callable[[str], str]:
    def read(arn: str) -> str:
        answer = secrets.get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")
        return str(answer["SecretString"])

    return read


def check_configuration(endpoints: Endpoints) -> None:
    """Do what `quant config check --functions quant-local-` does, without starting it.

    Sets the process's environment meanwhile: nothing else may run.

    Raises:
        StepError: the configuration is wrong; the message has no secret.
    """
    from quant import config_check  # noqa: PLC0415 - slow, see preload

    functions = config_check.deployed_functions(FUNCTIONS, endpoints.client("lambda"))
    findings = config_check.check_deployed(functions, _reader(endpoints.client("secretsmanager")))
    errors = [finding for finding in findings if finding.severity is config_check.Severity.ERROR]
    if errors:
        raise StepError("\n".join(["configuration:", *map(str, errors)]))


def preload() -> None:
    """Import what later steps need, while the servers start."""
    for module in ("boto3", "quant.config_check", "quant.demo"):
        importlib.import_module(module)


def quant_command() -> Path:
    """Return the path of the project's command line."""
    return Path(sys.prefix) / "bin" / "quant"


def _synthesis_inputs() -> list[Path]:
    folders = [PROJECT / name for name in ("infra", "functions", "layers")]
    names = ("cdk.json", "package-lock.json", "build/openapi.json")
    files = [PROJECT / name for name in names]
    locks = sorted(PROJECT.glob("*/requirements.txt"))
    return [path for path in (*folders, *files, *locks) if path.exists()]


def _read(assembly: Path) -> str:
    try:
        return (assembly / _DIGEST_FILE).read_text()
    except FileNotFoundError:
        return ""
