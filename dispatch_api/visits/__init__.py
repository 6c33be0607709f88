"""Joint visits (联合检查): the open cases of one place and day, one trip of all departments, one list."""
