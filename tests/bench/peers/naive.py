"""What a handler of such an API imports and makes where nobody thinks of its cold start.

Powertools' tracer is left out, since it needs the X-Ray SDK besides, which no layer of ours has.
"""

import boto3
import jwt
import redis
from aws_lambda_powertools import Logger, Metrics
from fastapi import FastAPI
from mangum import Mangum
from sqlalchemy import create_engine

logger = Logger(service="naive")
metrics = Metrics(namespace="naive", service="naive")
engine = create_engine("postgresql+pg8000://user:password@127.0.0.1/quant")
cache = redis.Redis(host="127.0.0.1")
secrets = boto3.client("secretsmanager")
verify = jwt.decode
app = FastAPI()


@app.get("/")
def root() -> dict[str, str]:
    return {}


handler = Mangum(app, lifespan="off")
