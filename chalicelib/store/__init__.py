"""The ledger on DynamoDB: the only room that knows its tables, its expressions and its failures."""
