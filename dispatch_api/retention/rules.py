"""For how long things are kept that are not kept for ever, as configuration."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from dispatch_api.configuration import ConfigurationModel, read_model

_LONGEST_DAYS = 36_500


class Retention(ConfigurationModel):
    """A city's retention; see the comments in the default file."""

    feed_days: int = Field(ge=1, le=_LONGEST_DAYS)
    # Not below a week: a delivery is tried for more than three days, and a receiver is mended on a Monday.
    deliveries_days: int = Field(ge=7, le=_LONGEST_DAYS)

    @property
    def feed(self) -> timedelta:
        """For how long entries of the live stream are kept."""
        return timedelta(days=self.feed_days)

    @property
    def deliveries(self) -> timedelta:
        """For how long settled deliveries are kept."""
        return timedelta(days=self.deliveries_days)


def load_retention(path: Path | None = None) -> Retention:
    """Read the retention from `path`, or the defaults.

    Raises:
        ConfigurationError: The file cannot be used.
    """
    retention, _ = read_model(Retention, path, default="retention.yaml")
    return retention
