"""The published description of the HTTP interface, made from the schemas, guards and features in use."""
