"""MAVLink to one or several vehicles: byte streams, packets, commands, and a mission put on board and read back."""
