"""From areas, lines and points to missions that show every spot of them."""
