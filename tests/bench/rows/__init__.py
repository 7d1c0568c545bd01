"""Many rows: whole tables scored offline, and by jobs whose workers are killed."""
