"""What auditors get: the registers by any key, as pages or as provable files; past decisions under today's rules; yearly figures."""
