"""Every setting of the service: name in the environment, default, unit, meaning."""

from config.settings.loading import Settings, describe_settings, list_secrets, load_settings
from config.settings.parsing import SettingsError
from config.settings.secret import require_secret

__all__ = ["Settings", "SettingsError", "describe_settings", "list_secrets", "load_settings", "require_secret"]
