"""Amazon API Gateway (REST) and Lambda on this machine, reading the definitions that are deployed."""
