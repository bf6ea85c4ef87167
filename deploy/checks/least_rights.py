"""Each service has a user, a password and a way through the network of its own, and no more."""

import re
from collections.abc import Iterator

# What `restaurant-ctl migrate --roles` and `broker-users` read.
PASSWORD_OF_A_USER = r"(ORDER|KITCHEN|TRACKING|TRACKING_STAFF|NOTIFIER|EXPORTER|PRUNER)_(DB|RABBITMQ)_PASSWORD"
OWNER = "restaurant_user"
# The program that a container or a pod runs: the end of its users' names, and which servers it uses.
USERS = {
    "order-service": ("order", {"DB", "RABBITMQ"}),
    "kitchen-worker": ("kitchen", {"DB", "RABBITMQ"}),
    "tracking-service": ("tracking", {"DB"}),
    "notification-subscriber": ("notifier", {"RABBITMQ"}),
    "exporter": ("exporter", {"DB", "RABBITMQ"}),
    "prune": ("pruner", {"DB"}),
}
# Who is the owner of the tables, and who is the administrator of RabbitMQ.
OWNERS = {"migrate": {"DB"}, "broker-users": {"RABBITMQ"}}
STAFF = {"order-service", "tracking-service"}
SECRETS = "/run/secrets/"
# What kustomize puts behind a generated name: ten of these letters and digits.
HASH = r"-[bcdfghkmt2456789]{10}$"


def template(o: dict) -> dict | None:
    """What the pods of a Kubernetes object are like, if it makes some."""
    spec = o.get("spec", {})
    return spec.get("jobTemplate", {}).get("spec", spec).get("template")


def user_of(name: str) -> tuple[str, set[str]] | None:
    """The users of a container of Compose or of a pod."""
    return USERS.get("kitchen-worker" if name.startswith("kitchen-") else name)


def users(name: str, environment: dict[str, str], database: str) -> Iterator[str]:
    """It logs in as itself where it must, and nowhere else."""
    known = user_of(name)
    servers = known[1] if known else OWNERS.get(name, set())
    for server in ("DB", "RABBITMQ"):
        user, password = environment.get(f"{server}_USER"), environment.get(f"{server}_PASSWORD_FILE")
        if server not in servers:
            if user or password:
                yield f"{name}: does not use {server}, and has a user of it"
            continue
        expected = f"{database}_{known[0]}" if known else OWNER
        # Of an administrator that an operator makes, the name is in a Secret.
        if user != expected and not (name == "broker-users" and user is None):
            yield f"{name}: {server}_USER is {user}, not {expected}"
        if not password:
            yield f"{name}: has no {server}_PASSWORD_FILE"
    if name == "tracking-service" and environment.get("DB_STAFF_USER") != f"{database}_tracking_staff":
        yield f"{name}: DB_STAFF_USER is {environment.get('DB_STAFF_USER')}, not {database}_tracking_staff"
    if (name in STAFF) != ("ORDER_STAFF_KEY_FILE" in environment):
        yield f"{name}: ORDER_STAFF_KEY_FILE is for {' and '.join(sorted(STAFF))}, who need it"


def compose(composed: dict) -> Iterator[str]:
    """Its users, TLS, secrets and networks."""
    for name, service in composed["services"].items():
        environment, secrets = service.get("environment", {}), set(service.get("secrets", []))
        named = {value.removeprefix(SECRETS) for value in environment.values() if value.startswith(SECRETS)}
        if unknown := secrets - set(composed["secrets"]):
            yield f"{name}: there is no secret {', '.join(sorted(unknown))}"
        if missing := named - secrets:
            yield f"{name}: names {', '.join(sorted(missing))}, which it does not get"
        if name in {"postgres", "rabbitmq"}:
            continue
        if needless := secrets - named:
            yield f"{name}: gets {', '.join(sorted(needless))}, which it does not name"
        yield from users(name, environment, composed["x-database-environment"]["DB_NAME"])
        for server, network in (("DB", "database"), ("RABBITMQ", "broker")):
            is_used = f"{server}_HOST" in environment
            if is_used != (network in service["networks"]):
                yield f"{name}: the network {network} is for those who use that server"
            if is_used and environment.get(f"{server}_TLS") != "verify-full":
                yield f"{name}: {server}_TLS is not verify-full"


def mounted(variable: dict) -> str | None:
    """The file that a variable of a pod names, if it is one of a Secret."""
    value = variable.get("value", "")
    return value if variable["name"].endswith("_FILE") and value.startswith(SECRETS) else None


def where(file: str, spec: dict) -> list[tuple[tuple[str, str], set[str]]]:
    """The Secret, and the key in it, behind a file of a pod."""
    container = spec["containers"][0]
    folder, _, name = file.rpartition("/")
    mounts = [m["name"] for m in container.get("volumeMounts", []) if m["mountPath"] == folder]
    for volume in spec.get("volumes", []):
        if volume["name"] not in mounts:
            continue
        if secret := volume.get("secret"):
            return [(("Secret", secret["secretName"]), {name})]
        for source in volume.get("projected", {}).get("sources", []):
            if any(item["path"] == name for item in source["secret"].get("items", [])):
                return []
    return [(("a mounted file", file), set())]


def kubernetes(objects: list[dict], stem: str) -> Iterator[str]:
    """Its users and Secrets; from nothing on, who may reach whom."""
    config = next(o["data"] for o in objects if o["kind"] == "ConfigMap")
    pods = {}
    for o in objects:
        if not (pod := template(o)):
            continue
        spec = pod["spec"]
        container = spec["containers"][0]
        name = container["name"]
        pods[name] = pod["metadata"]["labels"]
        if name in USERS or name in OWNERS:
            environment = {v["name"]: v.get("value", "") for v in container.get("env", []) if "value" in v}
            yield from users(name, environment, config["DB_NAME"])
            for volume in spec.get("volumes", []):
                secret = re.sub(HASH, "", volume.get("secret", {}).get("secretName", name))
                if secret != name:
                    yield f"{name}: mounts the Secret {secret}, which is another's"
    yield from publishers(config)
    if stem != "base":
        yield from network(objects, pods)


def publishers(config: dict[str, str]) -> Iterator[str]:
    """Who is believed, if users of RabbitMQ are listed: without ours among them each order is a dead letter."""
    if not (text := config.get("RABBITMQ_PUBLISHERS")):
        return
    listed = {kind: set(names.split("+")) for kind, _, names in (part.partition("=") for part in text.split(","))}
    order, kitchen = (f"{config['DB_NAME']}_{end}" for end in ("order", "kitchen"))
    needed = {"orders": {order, kitchen}, "status": {order, kitchen}, "requests": {order}}
    for kind, names in needed.items():
        if missing := names - listed.get(kind, set()):
            yield f"RABBITMQ_PUBLISHERS: {kind} does not believe {', '.join(sorted(missing))}"
    if unknown := set(listed) - set(needed):
        yield f"RABBITMQ_PUBLISHERS: no kind of messages is called {', '.join(sorted(unknown))}"


def network(objects: list[dict], pods: dict[str, dict[str, str]]) -> Iterator[str]:
    """A policy that allows nothing, one for DNS, and for each pod those that it needs."""
    policies = {o["metadata"]["name"]: o["spec"] for o in objects if o["kind"] == "NetworkPolicy"}
    nothing = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    if nothing not in policies.values():
        yield "no NetworkPolicy begins with nothing (all pods, Ingress and Egress, no rule)"
    ports = [rule.get("ports", []) for spec in policies.values() for rule in spec.get("egress", [])]
    if not any({"port": 53, "protocol": "UDP"} in listed for listed in ports):
        yield "no NetworkPolicy lets pods ask for names (port 53, UDP)"
    for name, labels in pods.items():
        used = USERS.get(name, ("", OWNERS.get(name, set())))[1]
        chosen = {policy for policy, spec in policies.items() if selects(spec["podSelector"], labels)}
        management = {"to-rabbitmq-management"} if name == "broker-users" else set()
        broker = {"to-rabbitmq"} if "RABBITMQ" in used and not management else set()
        wanted = ({"to-postgresql"} if "DB" in used else set()) | broker | management
        found = {policy for policy in chosen if policy.startswith("to-")}
        if found != wanted:
            yield f"{name}: may reach {sorted(found)} by NetworkPolicies, not {sorted(wanted)}"


def selects(selector: dict, labels: dict[str, str]) -> bool:
    """Whether a selector fits these labels. It knows what ours use."""
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    return all(labels.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", []))
