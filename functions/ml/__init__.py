"""Tasks of the state machines that train and predict (docs/ml/pipeline.md)."""
