"""What became of predictions: outcomes, drift of features and performance, and the public record.

Predictions stay as they were stored, and so does an outcome once there is one.
"""
