"""Resources of operators: against the schemas beside this file, and against what they name."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import yaml

SCHEMAS = Path("deploy/checks/schemas")
RULES = Path("deploy/observability/rules.yaml")
MONITOR = Path("deploy/kubernetes/components/monitors/rules.yaml")
TOPOLOGY = "".join(path.read_text() for path in Path("crates/bus/src").rglob("topology*.rs"))
# Groups that Kubernetes itself has; `kubernetes-validate` knows them.
OWN = r"(|[a-z]+|[a-z.]+\.k8s\.io)"
# Secrets that no overlay has to bring, and their keys.
SECRETS_OF_OPERATORS = {
    "postgres-ca": {"ca.crt"},
    "rabbitmq-tls": {"ca.crt", "tls.crt", "tls.key"},
    "rabbitmq-default-user": {"username", "password"},
}


def check(objects: list[dict]) -> Iterator[str]:
    """All of them, by their schemas; scaled is what there is, by queues that there are."""
    names = {(o["kind"], o["metadata"]["name"]) for o in objects}
    for o in objects:
        group, _, version = o["apiVersion"].rpartition("/")
        name = f"{o['kind']} {o['metadata']['name']}"
        if not re.fullmatch(OWN, group):
            path = SCHEMAS / f"{group}_{version}_{o['kind']}.json"
            if not path.exists():
                yield f"{name}: there is no schema {path}"
                continue
            for error in jsonschema.Draft7Validator(json.loads(path.read_text())).iter_errors(o):
                yield f"{name}: {error.json_path}: {error.message[:200]}"
        target = o.get("spec", {}).get("scaleTargetRef")
        if target and (target.get("kind", "Deployment"), target["name"]) not in names:
            yield f"{name}: there is no {target['name']} to scale"
        if target:
            scaled = next(s for s in objects if (s["kind"], s["metadata"]["name"]) == ("Deployment", target["name"]))
            if "replicas" in scaled["spec"]:
                yield f"{name}: {target['name']} has a number of replicas, which every `apply` would set again"
        for trigger in o.get("spec", {}).get("triggers", []) if o["kind"] == "ScaledObject" else []:
            queue = trigger["metadata"]["queueName"]
            if f'"{queue}"' not in TOPOLOGY:
                yield f"{name}: there is no queue {queue}"


def for_operator() -> str:
    """The rules of Prometheus, as its operator takes them."""
    _, _, groups = RULES.read_text().partition("\ngroups:")
    lines = "".join(f"  {line}" if line.strip() else line for line in f"groups:{groups}".splitlines(keepends=True))
    head, _, _ = MONITOR.read_text().partition("\nspec:\n")
    return f"{head}\nspec:\n{lines}"


def alerts() -> list[str]:
    """Both files say the same."""
    if MONITOR.read_text() == for_operator():
        return []
    return [f"{MONITOR}: is not as {RULES} says; run deploy/check --write"]


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    MONITOR.write_text(for_operator())
