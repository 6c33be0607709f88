"""What reviewers said of cases, as samples to learn from, and sightings near a threshold that wait for a label."""
