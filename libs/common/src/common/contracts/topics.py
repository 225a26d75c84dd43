"""Every topic of the platform, written by `make schemas`.

The source is deploy/kafka/topics.yaml: change it there. Kafka's topics and ACLs, the embedded log's topics and
grants, and the event catalogue come from that file too, so what is missing here exists nowhere.
"""

from common.contracts.topic_spec import TopicSpec

__all__ = ["TOPICS", "TopicSpec"]

TOPICS: tuple[TopicSpec, ...] = (
    TopicSpec(
        name="chat.message",
        key="session_id",
        partitions=8,
        retention_days=7,
        owners=("chat_gateway",),
        readers=("transcripts",),
        describes="Every entry of a live session, numbered 1..n, from opened to closed.",
    ),
    TopicSpec(
        name="transcript.closed",
        key="transcript_id",
        partitions=8,
        retention_days=30,
        owners=("transcripts",),
        readers=("production", "disclosure", "retention"),
        describes="A transcript was sealed; counts, times and digests, no person's values.",
    ),
    TopicSpec(
        name="action.completed",
        key="action_id",
        partitions=8,
        retention_days=30,
        owners=("chat_gateway", "case_system", "production"),
        readers=("production", "retention"),
        describes="A finished piece of an employee's work on a chat or a case.",
    ),
    TopicSpec(
        name="employee.assigned",
        key="employee_id",
        partitions=2,
        retention_days=30,
        owners=("production",),
        readers=("chat_gateway",),
        describes="Who supervises an employee, and since when; the numbers of both are sealed.",
    ),
    TopicSpec(
        name="disclosure.requested",
        key="request_id",
        partitions=4,
        retention_days=30,
        owners=("disclosure", "case_system"),
        readers=("disclosure", "retention"),
        describes="Someone asks that records be disclosed.",
    ),
    TopicSpec(
        name="disclosure.decided",
        key="request_id",
        partitions=4,
        retention_days=30,
        owners=("disclosure",),
        readers=("transcripts", "production", "retention"),
        describes="A request was decided; allow, deny or undecided, with the rule's version.",
    ),
    TopicSpec(
        name="disclosure.released",
        key="request_id",
        partitions=4,
        retention_days=30,
        owners=("transcripts", "production"),
        readers=("disclosure",),
        describes="What became of a release grant; the records went, were refused, or nobody came for them.",
    ),
    TopicSpec(
        name="record.amended",
        key="record_id",
        partitions=4,
        retention_days=30,
        owners=("disclosure",),
        readers=("transcripts", "production"),
        describes="A record was corrected, or its person disagrees with it.",
    ),
    TopicSpec(
        name="incident.opened",
        key="incident_id",
        partitions=2,
        retention_days=30,
        owners=("disclosure",),
        readers=("retention",),
        describes="An incident with personal data was entered; that there is one, no word of it.",
    ),
    TopicSpec(
        name="incident.closed",
        key="incident_id",
        partitions=2,
        retention_days=30,
        owners=("disclosure",),
        readers=("retention",),
        describes="An incident was closed and its record filed.",
    ),
    TopicSpec(
        name="audit.head",
        key="service",
        partitions=1,
        retention_days=30,
        owners=("chat_gateway", "transcripts", "production", "disclosure", "retention"),
        readers=("disclosure", "retention"),
        describes="A service signed the head of its audit trail; the readers hold it as witnesses.",
    ),
)
