"""Random dense networks of every size, activation, loss and optimizer: graphdl beside JAX."""
