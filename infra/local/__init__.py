"""What stands in for AWS on this machine: the data engine and moto, each a child process."""
