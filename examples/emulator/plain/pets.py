"""A plain Lambda handler behind API Gateway: no framework, and nothing of the emulator's."""

import json


def handle(event, context):
    if event["httpMethod"] == "POST":
        pet = json.loads(event["body"])
        return {"statusCode": 201, "body": json.dumps({"name": pet["name"], "request": context.aws_request_id})}
    return {"statusCode": 200, "body": json.dumps({"name": event["pathParameters"]["name"]})}
