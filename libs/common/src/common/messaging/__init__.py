"""How services tell each other facts: the broker's interface and its adapters, outbox, relay, inbox, consumer loop."""
