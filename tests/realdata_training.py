"""Trainings on a database of real disclosures: the pipeline's steps, one after the other."""

from sqlalchemy import Engine

from quant.ml.objects import Objects
from quant.ml.pipeline.evaluate import evaluate
from quant.ml.pipeline.fit import fit
from quant.ml.pipeline.prepare import prepare
from quant.ml.pipeline.publish import publish
from quant.ml.pipeline.runs import Run, load_plan
from quant.ml.pipeline.settings import RunSettings


def train(engine: Engine, objects: Objects, settings: RunSettings) -> Run:
    """Do every step from the snapshot to the publication of each model."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        run = prepare(connection, objects, settings)
    for item in load_plan(objects, run.run):
        fit(objects, item.document())
    for model in run.models:
        evaluate(objects, run.run, model)
        with engine.begin() as connection:
            publish(connection, objects, run.run, model)
    return run
