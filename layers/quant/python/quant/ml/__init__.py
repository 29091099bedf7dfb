"""Machine learning: features, training, registry, predictions and their record (docs/adr/0021)."""
