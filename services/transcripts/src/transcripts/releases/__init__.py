"""What leaves: redaction layers beside the sealed record, grants that are taken once, and the copies that they let out."""
