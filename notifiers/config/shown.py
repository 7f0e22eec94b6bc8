"""Show a configuration as it was written, without its secrets: GET /api/v2/status."""

from collections.abc import Collection

import yaml
from yaml.resolver import Resolver

from engine.document import ListNode, Node, ScalarNode
from notifiers.scalars import HIDDEN, is_plain

_RESOLVER = Resolver()
_TEXT_TAG = "tag:yaml.org,2002:str"


def shown(tree: Node, secrets: Collection[int]) -> str:
    """Return a tree as YAML; `secrets` are the id() of nodes whose place is shown alone.

    Values stand as they were written (`yes`, `0x10`), so that Alertmanager's tools read in it what
    Alertmanager reads in the file.
    """
    node = _node(tree, secrets)
    return yaml.serialize(node, Dumper=yaml.SafeDumper, allow_unicode=True)


def _node(node: Node, secrets: Collection[int]) -> yaml.Node:
    if id(node) in secrets:
        return yaml.ScalarNode(_TEXT_TAG, HIDDEN)
    if isinstance(node, ScalarNode):
        return _scalar(node)
    if isinstance(node, ListNode):
        elements = [_node(each, secrets) for each in node]
        return yaml.SequenceNode("tag:yaml.org,2002:seq", elements, flow_style=False)
    entries = [(_scalar(each.key), _node(each.value, secrets)) for each in node]
    return yaml.MappingNode("tag:yaml.org,2002:map", entries, flow_style=False)


def _scalar(node: ScalarNode) -> yaml.ScalarNode:
    tag = _TEXT_TAG
    if is_plain(node):
        tag = _RESOLVER.resolve(yaml.ScalarNode, node.text, (True, False))  # type: ignore[no-untyped-call]
    return yaml.ScalarNode(tag, node.text)
