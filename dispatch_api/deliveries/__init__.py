"""Deliveries: messages to departments' systems and group robots, written with the change that they tell of."""
