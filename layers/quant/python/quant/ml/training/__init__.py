"""Training: the only place that knows LightGBM."""
