"""What stands before the application: gunicorn's worker, and the doorman who refuses what cannot be answered in time.

Loaded by gunicorn's master, so nothing here imports the application, whose code is loaded anew at a reload.
"""
