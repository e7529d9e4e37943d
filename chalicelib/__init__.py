"""The platform: what is deployed, one room per concern and imports downwards only."""
