"""What is logged, measured and told to those who watch."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from config.settings.logged_inputs import LoggedInputs, read_logged_inputs
from config.settings.parsing import (
    one_of,
    read_log_level,
    read_networks,
    read_path,
    setting,
    whole_number,
)


@dataclass(frozen=True, kw_only=True)
class MonitoringSettings:
    """What is logged, measured and told to those who watch."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "LOG_LEVEL", "INFO", read_log_level, "least severe log line that is written"
    )
    log_format: Literal["json", "text"] = setting(
        "LOG_FORMAT",
        "{log_format}",
        one_of("json", "text"),
        "how log lines are written to stderr: json for machines, text for people",
    )
    access_log: Literal["on", "off"] = setting(
        "GLUONSERVE_ACCESS_LOG", "off", one_of("on", "off"), "on writes one log line per HTTP request"
    )
    log_path: Path = setting(
        "LOG_PATH", "{home}/logs", read_path, "directory of the prediction log, which lies in predictions below it"
    )
    log_file_mb: int = setting(
        "GLUONSERVE_LOG_FILE_MB",
        "64",
        whole_number(1, 10_000),
        "size at which a process begins another file of the prediction log, in MB",
    )
    log_file_hours: int = setting(
        "GLUONSERVE_LOG_FILE_HOURS",
        "24",
        whole_number(1, 8760),
        "age at which a process begins another file of the prediction log, in hours",
    )
    log_keep_days: int = setting(
        "GLUONSERVE_LOG_KEEP_DAYS",
        "30",
        whole_number(1, 36_500),
        "days that a file of the prediction log is kept after its last line",
    )
    log_keep_mb: int = setting(
        "GLUONSERVE_LOG_KEEP_MB",
        "4000",
        whole_number(1, 100_000_000),
        "what all files of the prediction log may take together, in MB; the oldest go first",
    )
    logged_outputs: Literal["all", "none"] = setting(
        "GLUONSERVE_LOG_OUTPUTS",
        "all",
        one_of("all", "none"),
        "all keeps what was predicted in the prediction log, labels and probabilities; none does not",
    )
    logged_inputs: LoggedInputs = setting(
        "GLUONSERVE_LOG_INPUTS",
        "none",
        read_logged_inputs,
        "values of requests that the prediction log keeps: all, hashed, none, or fields as in age,hash:customer_id",
    )
    quality_window: int = setting(
        "GLUONSERVE_QUALITY_WINDOW",
        "1000",
        whole_number(100, 10_000),
        "how many of the last true outcomes of each version its live quality is measured on",
    )
    outcome_values: Path | None = setting(
        "GLUONSERVE_OUTCOME_VALUES",
        None,
        read_path,
        "file that says what right and wrong predictions are worth; none counts no money",
    )
    alert_destinations: str | None = setting(
        "GLUONSERVE_ALERT_DESTINATIONS",
        None,
        str,
        "where alerts are sent: apprise URLs, as in mailtos://user:password@host, separated by spaces or "
        "commas, or a file of them; none only keeps and logs alerts",
        secret=True,
    )
    alert_rules: Path | None = setting(
        "GLUONSERVE_ALERT_RULES",
        None,
        read_path,
        "file of the rules of alerts; none takes config/alerts.yaml of the program",
    )
    alert_networks: tuple[IPv4Network | IPv6Network, ...] | None = setting(
        "GLUONSERVE_ALERT_NETWORKS",
        None,
        read_networks,
        "internal networks that alerts may be sent to, without encryption as well, as in 127.0.0.1/32 for a mail relay",
    )
    metrics_networks: tuple[IPv4Network | IPv6Network, ...] | None = setting(
        "GLUONSERVE_METRICS_NETWORKS",
        None,
        read_networks,
        "networks that read /metrics without a key, as in 10.0.0.0/8,127.0.0.1; none asks everybody for a key",
    )
    golden_interval_seconds: int = setting(
        "GLUONSERVE_GOLDEN_INTERVAL",
        "30",
        whole_number(0, 3600),
        "seconds after which each worker predicts the next golden row, to see that its model still answers as at "
        "publication; 0 never",
    )
    monitor: Literal["beside", "off"] = setting(
        "GLUONSERVE_MONITOR",
        "beside",
        one_of("beside", "off"),
        "beside starts the watcher with the server; off where it runs elsewhere, as gluonserve monitor",
    )
    drift_window_rows: int = setting(
        "GLUONSERVE_DRIFT_WINDOW",
        "2000",
        whole_number(500, 1_000_000),
        "rows of one version that are compared with its training data together; a day ends a window that has 500",
    )
