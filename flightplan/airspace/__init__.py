"""Where and when flying is forbidden or needs an approval, and whether a mission keeps to it."""
