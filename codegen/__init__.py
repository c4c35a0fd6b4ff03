"""The machine: programs of loop nests, emitted as source, compiled and run."""
