"""Lambda on this machine: functions by handler string, run by the real runtime client in processes of their own.

Functions --> Pool (one per function) --> Environment (one process, one event at a time)
|  Runtime API over loopback (runtime_api.py)
worker.py -> awslambdaric -> the handler
"""

from emulator.lambdas.config import FunctionConfig, Invocation, Invoker, Outcome
from emulator.lambdas.functions import Functions
from emulator.lambdas.pool import TooManyRequests, UnknownFunction

__all__ = [
    "FunctionConfig",
    "Functions",
    "Invocation",
    "Invoker",
    "Outcome",
    "TooManyRequests",
    "UnknownFunction",
]
