"""Checks a manifest of Kubernetes, YAML from standard input, against the schemas of the
newest version that kubernetes-validate has. Prints JSON: its documents, and what is
wrong with them.
"""
import json
import sys

import kubernetes_validate
import yaml

documents = list(yaml.safe_load_all(sys.stdin))
faults = []
for document in documents:
    try:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    except kubernetes_validate.ValidationError as error:
        faults.append(f"{document['kind']}: {error.message}")
print(json.dumps({"documents": documents, "faults": faults}))
