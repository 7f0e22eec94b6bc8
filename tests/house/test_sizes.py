"""Nothing grows past what one reads in one sitting, but for what is listed here with its reason."""

import ast

from tests.house.tree import short, sources, tree

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 40

LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def test_files_are_short() -> None:
    long = {
        short(path): lines
        for path in sources("engine", "notifiers", "tests")
        if (lines := len(path.read_text("utf-8").splitlines())) > FILE_LINES_MAX
    }
    assert set(long) == set(LONG_FILES), f"over {FILE_LINES_MAX} lines: {long}"


def test_functions_are_short() -> None:
    long = {}
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = _lines(node)
                if lines > FUNCTION_LINES_MAX:
                    long[f"{short(path)}:{node.name}"] = lines
    assert set(long) == set(LONG_FUNCTIONS), f"over {FUNCTION_LINES_MAX} lines: {long}"


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count from `def` to the end, the docstring and a kernel's decorators apart."""
    assert node.end_lineno is not None
    lines = node.end_lineno - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and ast.get_docstring(node) is not None:
        assert first.end_lineno is not None
        lines -= first.end_lineno - first.lineno + 1
    return lines
