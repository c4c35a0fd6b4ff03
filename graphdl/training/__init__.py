"""Training: data at the door, the step as a graph, epochs in compiled code."""
