"""Keeps `from scalekit_helper import get_token` of the earlier scalekit-auth skill working."""

from scalekit_exec import AuthorizationError, ConfigurationError
from scalekit_exec.predecessor import getter

__all__ = ["AuthorizationError", "ConfigurationError", "get_token"]

get_token = getter(__file__)
