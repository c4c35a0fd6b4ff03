"""graphdl and its peers on the same network, data, batch size and optimizer: see `--help`."""
