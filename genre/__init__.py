"""Music genre classification on mel spectrograms with CNN + RNN hybrids."""
