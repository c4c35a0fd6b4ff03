"""One Node.js for all tests of the JavaScript dialect."""

import pytest

from tests.codegen.node import Node


@pytest.fixture(scope="session")
def node():
    process = Node()
    yield process
    process.close()
