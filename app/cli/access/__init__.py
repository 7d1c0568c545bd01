"""Commands about who may call the service, and who did what."""
