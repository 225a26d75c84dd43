"""What is said of a topic; the topics themselves stand in `topics`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic: what it carries, in which order, for how long, and who may touch it."""

    name: str
    """As it is called in Kafka and in the embedded log; also the stem of the event's type."""

    key: str
    """The field whose value is the record's key. Records of one key keep their order; others need not."""

    partitions: int
    """Into how many ordered parts the keys are spread; when it grows, a key can change its partition."""

    retention_days: int
    """How long the log keeps its copy, read or not. The owner's store is the record, never the topic."""

    owners: tuple[str, ...]
    """The principals that may write. A principal is named like the service's package and database role."""

    readers: tuple[str, ...]
    """The principals that may read; owners may not, unless they stand here too."""

    describes: str
    """In one sentence, what a record of this topic says."""
