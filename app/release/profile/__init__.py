"""What a release knows of the data at its publication: how often which values came, and came true. Compares nothing."""
