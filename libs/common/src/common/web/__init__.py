"""The HTTP side that every service has in the same way: skeleton, problem answers, identity of the caller, health, idempotency."""
