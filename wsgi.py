"""The WSGI entry point that every gunicorn worker imports after the fork."""

from app import create_app

app = create_app()
