"""What is known of the predictions under way, for who has to tell a slow one from one that hangs."""
