"""What only this service refuses."""

from common.errors import MunimentError


class StaleEditError(MunimentError):
    status, kind, title = 412, "stale-edit", "It was changed since you read it"


class UnconditionalEditError(MunimentError):
    status, kind, title = 428, "if-match-needed", "Say which version you mean to change"
