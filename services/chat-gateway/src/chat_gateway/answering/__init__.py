"""What those who answer need: notes among employees, a call for help, and what they may say, see and reuse."""
