"""`make deploy`: each step compares what is there with what the definitions say, makes it equal, and reads it back."""
