"""Whom the law wants told: the person whose record went for health or safety, and recipients of what was later amended."""
