"""The control planes of this machine: the API operations that make and change what the data plane serves.

One server speaks the REST-JSON of API Gateway and Lambda and the JSON of EventBridge by botocore's own service models:
an operation is a function from the request's members, named as in boto3, to those of the answer.
"""
