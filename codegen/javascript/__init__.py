"""Program → JavaScript: `javascript(program)` gives text that runs by itself in any browser."""

from codegen.javascript.program import javascript

__all__ = ["javascript"]
