"""What happens by itself when time passes: reminders, colours, supervision, the end of a suspension."""
