"""The models: cards, records, and which version predicts."""
