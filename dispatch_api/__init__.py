"""Cases, tasks and departments behind a database and an HTTP service."""
