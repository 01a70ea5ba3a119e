"""Champion and challenger: start one, compare it, promote or withdraw it."""
