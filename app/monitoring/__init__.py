"""What happened is written down and counted here, for people and machines that watch. Knows no Flask and no model."""
