"""Lambda authorizers, usage plans and gateway responses for REST APIs."""
