"""Storm mode (汛情): many water cases are one event, ranked by danger, and each unit gets one table."""
