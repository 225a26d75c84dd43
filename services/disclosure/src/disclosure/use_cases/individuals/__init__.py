"""What is done with a request of an individual, one file for each part of its way."""
