"""How every process logs: one line on stderr per event, in UTC, without credentials, whatever the message holds."""

from config.logging.configuration import configure_logging, describe_gunicorn_logging, describe_logging

__all__ = ["configure_logging", "describe_gunicorn_logging", "describe_logging"]
