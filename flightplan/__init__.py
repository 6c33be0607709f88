"""Coverage plans, missions and the MAVLink link that flies them."""
