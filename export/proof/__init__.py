"""The proof: the file answers as the network, and as often right as its publisher says."""
