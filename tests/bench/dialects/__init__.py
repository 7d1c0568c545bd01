"""What long tables cost a worker: its memory must not grow with them."""
