"""What the service does, a file each: asking, deciding, looking. None opens a transaction or commits one."""
