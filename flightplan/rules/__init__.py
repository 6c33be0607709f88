"""The rules a mission keeps, and the fence that is drawn round it."""
