"""The topics that datasets travel on, as the settings want them made."""

from collections.abc import Iterable

from shared.dataset import Dataset
from shared.kafka import TopicSpec
from shared.settings import Settings


def topic_specs(datasets: Iterable[Dataset], settings: Settings) -> list[TopicSpec]:
    """Return the topic of each dataset; kept for ever, since they are the datasets' history."""
    return [
        TopicSpec(
            dataset.topic(settings.kafka_topic_prefix),
            settings.kafka_topic_partitions,
            settings.kafka_replication_factor,
        )
        for dataset in datasets
    ]
