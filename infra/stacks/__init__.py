"""CloudFormation stacks, split by the lifetime of what they hold."""
