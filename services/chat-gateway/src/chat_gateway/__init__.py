"""The chat gateway: live sessions between members of the public and employees, from the notice shown to the last entry.

It numbers every entry of a session 1..n, acknowledges what is durable and nothing else, and tells the other services
through `chat.message` and `action.completed`. It does not keep the record: the transcripts service assembles and seals
that from what is told here.
"""

SERVICE_NAME = "chat_gateway"
SOURCE = "/muniment/chat_gateway"
