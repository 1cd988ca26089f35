"""From a path to its operations: one dict lookup a segment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

E = TypeVar("E")


class _Node(Generic[E]):
    __slots__ = ("children", "methods", "parameter")

    def __init__(self) -> None:
        self.children: dict[str, _Node[E]] = {}
        self.parameter: _Node[E] | None = None
        self.methods: dict[str, E] = {}


class Router(Generic[E]):
    """Finds the endpoints of a path.

    Args:
        endpoints: Method, path template with at most one ``{name}``, endpoint.
    """

    def __init__(self, endpoints: Iterable[tuple[str, str, E]]) -> None:
        self._root: _Node[E] = _Node()
        for method, template, endpoint in endpoints:
            node = self._root
            for segment in template.split("/")[1:]:
                node = _grown(node, segment)
            node.methods[method] = endpoint
            if method == "GET":
                node.methods["HEAD"] = endpoint

    def find(self, path: str) -> tuple[Mapping[str, E], str] | None:
        """The endpoints by method and the id in the path, or None."""
        node = self._root
        path_id = ""
        for segment in path.split("/")[1:]:
            child = node.children.get(segment)
            if child is None:
                child = node.parameter
                if child is None:
                    return None
                path_id = segment
            node = child
        return (node.methods, path_id) if node.methods else None


def _grown(node: _Node[E], segment: str) -> _Node[E]:
    if segment.startswith("{"):
        if node.parameter is None:
            node.parameter = _Node()
        return node.parameter
    return node.children.setdefault(segment, _Node())
