"""API Gateway's control plane: REST APIs with all their parts, deployments, stages, usage plans and API keys.

An API is edited part by part; a deployment is a picture of it in OpenAPI, read by the same reader as a definition on
disk. So nothing is served that the reader would refuse, and `export.py` is the only way from parts to a definition.
"""
