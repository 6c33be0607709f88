"""Evidence: sealed originals and the pictures made from them."""
