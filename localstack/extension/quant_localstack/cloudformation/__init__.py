"""CloudFormation resource providers."""
