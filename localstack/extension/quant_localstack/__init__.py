"""What the free LocalStack core lacks to run this platform in host mode, without Docker.

``runtime`` runs Lambda functions as plain processes, ``gateway`` adds Lambda authorizers, usage
plans and gateway responses to REST APIs, ``cloudformation`` the resource types to deploy them.
"""
