"""Models on disk: one safetensors file each, its architecture as JSON in the file's header."""
