"""Parses PowerShell scripts, a JSON list of texts from standard input. Prints a JSON
list of the lines, from 1, on which each is no PowerShell.
"""
import json
import sys

import tree_sitter_powershell
from tree_sitter import Language, Parser

parser = Parser(Language(tree_sitter_powershell.language()))


def errors(node):
    if node.is_error or node.is_missing:
        return [node.start_point.row + 1]
    return [line for child in node.children for line in errors(child)]


json.dump([errors(parser.parse(text.encode()).root_node) for text in json.load(sys.stdin)], sys.stdout)
