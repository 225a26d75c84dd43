"""What every service needs in the same way: contracts, messaging, storage, web, identity, telemetry."""
