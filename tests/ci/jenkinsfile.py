"""Parses Jenkinsfiles, a JSON list of texts from standard input, as Groovy. Prints a
JSON list of what is in each: its variables and its steps in order, which are the
name, the blocks around it, and the strings and named arguments that it is given;
and null for one that is no Groovy.
"""
import functools
import json
import sys

from groovy_parser import parser
from lark.exceptions import LarkError

# It would read the grammar anew for each text.
parser.create_groovy_parser = functools.cache(parser.create_groovy_parser)


def leaves(node):
    """The tokens below a node, as kind and text, without those of its blocks."""
    if "leaf" in node:
        return [(node["leaf"], node["value"])]
    if "closure" in node.get("rule", []):
        return []
    return [leaf for child in node.get("children", []) for leaf in leaves(child)]


def named(node):
    """The named arguments below a node."""
    if "named_property_arg" in node.get("rule", []):
        (_, label), _, (_, value) = leaves(node)
        return {label: value}
    arguments = {}
    for child in node.get("children", []):
        if "closure" not in child.get("rule", []):
            arguments |= named(child)
    return arguments


def walk(node, blocks, found):
    tokens = leaves(node) if "command_expression" in node.get("rule", []) else []
    if tokens and "IDENTIFIER" in tokens[0][0]:
        strings = [text for kind, text in tokens if kind == "STRING_LITERAL"]
        name = tokens[0][1]
        if [kind for kind, _ in tokens[1:2]] == ["ASSIGN"]:
            [found["variables"][name]] = strings
        else:
            found["steps"].append({"name": name, "in": blocks, "strings": strings, "named": named(node)})
            blocks = [*blocks, name]
    for child in node.get("children", []):
        walk(child, blocks, found)
    return found


def read(text):
    try:
        tree = parser.parse_and_digest_groovy_content(text)
    except LarkError:
        return None
    return walk(tree, [], {"variables": {}, "steps": []})


print(json.dumps([read(text) for text in json.load(sys.stdin)]))
