"""What stops a deployment: one line that says what is wrong and what to do next."""


class DeployFault(Exception):
    """The text is for whoever runs the command; nothing after the step that raised it was done."""
