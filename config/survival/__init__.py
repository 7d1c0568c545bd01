"""What lets the server outlive its workers: who died, at which requests, and while loading which version.

Loaded by gunicorn's master, as `config.front`: nothing here imports the application.
"""
