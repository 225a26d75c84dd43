"""What leaves of an employee's figures: grants that are taken once, and the copies that they let out (S3 6.2, 6.3)."""
