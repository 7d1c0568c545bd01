"""What is told of requests, and the routes that tell it to those who watch."""
