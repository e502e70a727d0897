"""Derive features, sentiment and predictions from the topics."""


def process() -> None:
    """Process the topics as a stream: features, sentiment, predictions and their scores.

    What is made goes onto topics again, which `econstream load` stores. One that is killed and
    started again ends with the same tables. Several share the partitions (docs/PROCESSOR.md).
    `econstream up` has a worker of its own.

    \b
    Examples
      econstream process
      PROCESSOR_OUTPUTS=technical_features econstream process
    """
    from services.cli.session import begin, run
    from services.processor.app import process_topics
    from shared.control import join_broker

    settings = join_broker(begin("process", least="DEBUG"))
    run(lambda stop: process_topics(settings, stop))
