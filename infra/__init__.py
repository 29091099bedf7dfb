"""The platform's infrastructure as an AWS CDK app."""
