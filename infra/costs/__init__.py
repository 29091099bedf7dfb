"""What a deployment costs a month, computed from its templates and measured durations."""
