"""Re-flights: the cheapest way to look again at cases that wait for proof, at hot-spots and at overdue ground."""
