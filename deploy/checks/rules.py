"""What the schemas cannot know: how the files under deploy/ must agree with each other and with the project.

Arguments: the rendered Kubernetes manifests. Run by deploy/check, from the project's root.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import custom_resources
import images
import least_rights
import yaml

DOCKERFILE = Path("deploy/docker/Dockerfile").read_text()
COMPOSE = yaml.safe_load(Path("deploy/docker/compose.yaml").read_text())
WORKSPACE = tomllib.loads(Path("Cargo.toml").read_text())["workspace"]["package"]
CONFIG = Path("config.yaml").read_text()

TARGETS = set(re.findall(r"^FROM runtime AS (\S+)", DOCKERFILE, re.MULTILINE))
# config.yaml names the variable of each key in brackets.
VARIABLES = set(re.findall(r"#.*\[([A-Z_]+)\]", CONFIG))
LONGEST_COOKING = max(yaml.safe_load(CONFIG)["kitchen"]["cooking_seconds"].values())
# From SIGTERM to the end of a service. A worker reserves the last steps of it for deregistering. A
# service that has not ended by then is killed after the overtime.
GRACE = yaml.safe_load(CONFIG)["shutdown"]["grace_seconds"]
DEADLINES = Path("crates/deadlines/src/lib.rs").read_text()
# The images that Compose builds.
BUILT_HERE = "localhost/restaurant/"
SERVERS = {"postgres", "rabbitmq"}
# They end by themselves.
JOBS = {"migrate", "broker-users", "prune"}
# Secrets that a component needs beyond those of the base, and their keys.
SECRETS_OF_COMPONENTS = {"prune": {"db_password"}}

# The list of the services: the binary of each, and the port of those with an HTTP interface.
SERVICES = dict(
    re.findall(
        r'Facts \{ binary: "([\w-]+)", short_name: "\w+", port: (?:None|Some\((\d+)\)) \}',
        Path("crates/domain/src/service_name.rs").read_text(),
    )
)
HTTP_SERVICES = {service for service, port in SERVICES.items() if port}
# The admin listener, which every image switches on.
ADMIN = dict(re.findall(r"\b(ADMIN_\w+)=(\S+)", "\n".join(re.findall(r"^ENV .*", DOCKERFILE, re.MULTILINE))))
PROBES = {"livenessProbe": "/livez", "readinessProbe": "/readyz"}
LIMITS = Path("crates/http/src/limits.rs").read_text()
UNITS = {"KIB": 2**10, "MIB": 2**20, "K": 2**10, "M": 2**20, "G": 2**30, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
# Fewer are too few, because idle connections of browsers and proxies count.
LEAST_CONNECTIONS = 1000

Problems = Iterator[str]


def is_known(variable: str) -> bool:
    """Whether our programs read this environment variable."""
    name = variable.removesuffix("_FILE")
    return name in VARIABLES or re.fullmatch(least_rights.PASSWORD_OF_A_USER, name) is not None


def deadline(name: str) -> int:
    """Seconds of a deadline, such as OVERTIME, whose name is there once."""
    (seconds,) = re.findall(rf"pub const {name}: Duration = Duration::from_secs\((\d+)\);", DEADLINES)
    return int(seconds)


def constant(name: str) -> int:
    """Bytes that a constant of the HTTP server stands for."""
    count, unit = re.search(rf"const {name}: usize = (\d+) \* (\w+);", LIMITS).groups()
    return int(count) * UNITS[unit]


def memory(limit: str) -> int:
    """Bytes of a memory limit, such as 256M or 256Mi."""
    count, unit = re.fullmatch(r"(\d+)([A-Za-z]+)", limit).groups()
    return int(count) * UNITS[unit]


def connections(name: str, limit: str, environment: dict[str, str]) -> Problems:
    """Connections × most memory each, their shared pool, and the rest of the service fit its memory limit."""
    available = memory(limit) - constant("REST")
    fitting = available // 3 * 2 // constant("PER_CONNECTION")
    chosen = int(environment.get("HTTP_MAX_CONNECTIONS", 0)) or fitting
    if chosen > fitting:
        yield f"{name}: {chosen} connections do not fit its memory limit {limit}, which has room for {fitting}"
    if chosen < LEAST_CONNECTIONS:
        yield f"{name}: {chosen} connections are few; raise its memory limit {limit} (or HTTP_MAX_CONNECTIONS)"
    if int(environment.get("HTTP_MEMORY_LIMIT_MIB", 0)) * UNITS["MIB"] > memory(limit):
        yield f"{name}: HTTP_MEMORY_LIMIT_MIB is more than its memory limit {limit}"


def names(name: str, expected: list[str], environment: dict[str, str]) -> Problems:
    """A web page cannot call the service by a name of its own; those who should, can."""
    setting = environment.get("HTTP_ALLOWED_HOSTS", "")
    # Compose allows the operator's environment to name others.
    allowed = re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", setting).split(",")
    for host in expected:
        if host not in allowed:
            yield f"{name}: HTTP_ALLOWED_HOSTS lacks {host}"


def dockerfile() -> Problems:
    """The versions are the workspace's, every binary has its image, and health checks have their time."""
    for timeout in re.findall(r"^HEALTHCHECK .*--timeout=(\d+)s", DOCKERFILE, re.MULTILINE):
        if int(timeout) <= deadline("PROBE_DEADLINE"):
            yield f"HEALTHCHECK --timeout={timeout}s must be more than {deadline('PROBE_DEADLINE')}s"
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", DOCKERFILE, re.MULTILINE))
    if arguments["RUST_VERSION"] != WORKSPACE["rust-version"]:
        yield f"RUST_VERSION is {arguments['RUST_VERSION']}, rust-version in Cargo.toml {WORKSPACE['rust-version']}"
    if arguments["VERSION"] != WORKSPACE["version"]:
        yield f"VERSION is {arguments['VERSION']}, version in Cargo.toml {WORKSPACE['version']}"
    for name in [*SERVICES, "restaurant-ctl", "restaurant-system"]:
        if name not in TARGETS:
            yield f"no target for the binary {name}"
        if f"/built/{name} \\" not in DOCKERFILE:
            yield f"the build stage does not keep the binary {name}"
    if not int(ADMIN.get("ADMIN_PORT", 0)) or ADMIN.get("ADMIN_BIND") != "::":
        yield "the images must switch the admin listener on, on all addresses (ADMIN_PORT, ADMIN_BIND=::)"
    for service in SERVICES:
        if f'CMD ["/usr/local/bin/{service}", "--healthcheck"]' not in DOCKERFILE:
            yield f"{service}: its image has no health check, which asks the admin listener"
    for ports in re.findall(r"^EXPOSE (.*)", DOCKERFILE, re.MULTILINE):
        if ADMIN.get("ADMIN_PORT") in ports.split():
            yield "the admin port is exposed: a container with -P would publish it"


def compose() -> Problems:
    """Closed to the network, confined, without passwords in sight, and with time to stop."""
    for name, service in COMPOSE["services"].items():
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                yield f"{name}: port {port} is not on 127.0.0.1"
        if service.get("cap_drop") != ["ALL"] or "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name}: must drop all capabilities and forbid new privileges"
        if not service.get("deploy", {}).get("resources", {}).get("limits", {}).get("memory"):
            yield f"{name}: has no memory limit"
        for variable in service.get("environment", {}):
            if variable.endswith(("PASSWORD", "PASS")):
                yield f"{name}: {variable} is given openly; use {variable}_FILE"
            if name not in SERVERS and not is_known(variable):
                yield f"{name}: {variable} is not in config.yaml"
        if name not in SERVERS:
            yield from own_service(name, service)
        if name in HTTP_SERVICES:
            limit = service["deploy"]["resources"]["limits"]["memory"]
            yield from connections(name, limit, service["environment"])
            yield from names(name, [name], service["environment"])


def own_service(name: str, service: dict) -> Problems:
    """What holds for the containers that we build."""
    if not service.get("read_only"):
        yield f"{name}: its root file system is not read-only"
    if service["build"]["target"] not in TARGETS:
        yield f"{name}: the Dockerfile has no target {service['build']['target']}"
    if service["image"] != f"{BUILT_HERE}{service['build']['target']}:${{IMAGE_TAG:-{WORKSPACE['version']}}}":
        yield f"{name}: its image {service['image']} is not named after target and version"
    if service["build"]["target"] in SERVICES and "healthcheck" in service:
        yield f"{name}: its image has a health check already, which asks the admin listener"
    for variable in set(ADMIN) & set(service.get("environment", {})):
        yield f"{name}: {variable} is the image's"
    for port in service.get("ports", []):
        if port.endswith(f":{ADMIN.get('ADMIN_PORT')}"):
            yield f"{name}: publishes its admin port"
    if service.get("pull_policy") != "build":
        yield f"{name}: pull_policy must be build, or its image is looked up in a registry"
    grace = int(service.get("environment", {}).get("SHUTDOWN_GRACE_SECONDS", GRACE))
    yield from time_to_stop(name, grace, int(service["stop_grace_period"].removesuffix("s")))


def time_to_stop(name: str, grace: int, granted: int) -> Problems:
    """Whoever kills a service waits until its own grace is over, and that is long enough to cook."""
    overtime, last_steps = deadline("OVERTIME"), deadline("LAST_STEPS")
    if granted <= grace + overtime:
        yield f"{name}: gets {granted} s to stop, but takes up to {grace} + {overtime} s (shutdown.grace_seconds)"
    if name.startswith("kitchen-") and grace < LONGEST_COOKING + last_steps:
        yield f"{name}: shutdown.grace_seconds, {grace}, is shorter than the longest cooking time and {last_steps} s"


def probes(name: str, container: dict) -> Problems:
    """A probe waits for longer than what it asks may take."""
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(kind)
        # /livez checks nothing.
        if not probe or probe.get("httpGet", {}).get("path") == "/livez":
            continue
        longest = deadline("PROBE_DEADLINE" if "exec" in probe else "CHECK_DEADLINE")
        if probe.get("timeoutSeconds", 1) <= longest:
            yield f"{name}: timeoutSeconds of its {kind} must be more than {longest}"


def kubernetes(objects: list[dict]) -> Problems:
    """Pods are confined and have time to stop; jobs end; everything that is referred to exists."""
    templates = [template for o in objects if (template := least_rights.template(o))]
    defined = {(o["kind"], o["metadata"]["name"]): set(o.get("data", {})) for o in objects}
    defined |= secrets_of_others(defined)
    shared = {key: value for o in objects if o["kind"] == "ConfigMap" for key, value in o.get("data", {}).items()}
    for template in templates:
        yield from pod(template["spec"])
        yield from references(template["spec"], defined)
        container = template["spec"]["containers"][0]
        if container["name"] in HTTP_SERVICES:
            own = {variable["name"]: variable.get("value", "") for variable in container.get("env", [])}
            yield from connections(container["name"], container["resources"]["limits"]["memory"], shared | own)
            yield from names(container["name"], service_names(container["name"], objects), shared | own)
    for o in objects:
        if o["kind"] == "CronJob":
            yield from every_night(o)
        if o["kind"] not in {"Service", "PodDisruptionBudget"}:
            continue
        # The pods of an operator are not among the manifests.
        if o["metadata"]["name"] in SERVERS and not any(t["spec"]["containers"][0]["name"] in SERVERS for t in templates):
            continue
        name = f"{o['kind']} {o['metadata']['name']}"
        selector = o["spec"]["selector"].get("matchLabels", o["spec"]["selector"])
        chosen = [t for t in templates if selector.items() <= t["metadata"]["labels"].items()]
        if len(chosen) != 1:
            yield f"{name}: its selector fits {len(chosen)} kinds of pods, not one"
        offered = {p["name"] for t in chosen for c in t["spec"]["containers"] for p in c.get("ports", [])}
        for port in o["spec"].get("ports", []):
            if port["targetPort"] == "admin":
                yield f"{name}: the admin port is for probes, not for a Service"
            if port["targetPort"] not in offered:
                yield f"{name}: no container has a port named {port['targetPort']}"


def every_night(job: dict) -> Problems:
    """One at a time, which ends, and whose past does not grow; nothing is removed without an age that somebody chose."""
    name, spec = job["metadata"]["name"], job["spec"]
    if spec.get("concurrencyPolicy") != "Forbid":
        yield f"{name}: concurrencyPolicy must be Forbid, or two of them run at once"
    if "timeZone" not in spec:
        yield f"{name}: has no timeZone, so its hour is that of whoever runs the cluster"
    for limit in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        if limit not in spec:
            yield f"{name}: has no {limit}"
    for limit in ("activeDeadlineSeconds", "backoffLimit"):
        if limit not in spec["jobTemplate"]["spec"]:
            yield f"{name}: its Job has no {limit}"
    arguments = least_rights.template(job)["spec"]["containers"][0].get("args", [])
    ages = [argument for argument in arguments if argument.startswith("--older-than=")]
    if name == "prune" and len(ages) != 1:
        yield f"{name}: its overlay says {len(ages)} times how old orders must be (--older-than), not once"


def service_names(service: str, objects: list[dict]) -> list[str]:
    """The names that the cluster's DNS gives to a Service."""
    found = (o["metadata"] for o in objects if o["kind"] == "Service" and o["metadata"]["name"] == service)
    spaces = [metadata["namespace"] for metadata in found]
    ends = ["", *(f".{space}{end}" for space in spaces for end in ("", ".svc", ".svc.cluster.local"))]
    return [service + end for end in ends]


def pod(spec: dict) -> Problems:
    """The restricted Pod Security profile, and the settings that our services need."""
    container = spec["containers"][0]
    name, security = container["name"], spec["securityContext"]
    if spec.get("enableServiceLinks") is not False:
        yield f"{name}: enableServiceLinks must be false, or RABBITMQ_PORT is overwritten"
    if spec.get("automountServiceAccountToken") is not False:
        yield f"{name}: needs no service account token"
    if not security.get("runAsNonRoot") or security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield f"{name}: the pod must run as non-root with the default seccomp profile"
    confined = container["securityContext"]
    if confined.get("allowPrivilegeEscalation") is not False or confined.get("capabilities") != {"drop": ["ALL"]}:
        yield f"{name}: must drop all capabilities and forbid privilege escalation"
    if "memory" not in container["resources"]["limits"]:
        yield f"{name}: has no memory limit"
    if name not in SERVERS:
        if not confined.get("readOnlyRootFilesystem"):
            yield f"{name}: its root file system is not read-only"
        if not container["image"].endswith(":" + WORKSPACE["version"]):
            yield f"{name}: {container['image']} is not of version {WORKSPACE['version']}"
        if name not in JOBS:
            environment = {v["name"]: v["value"] for v in container.get("env", []) if "value" in v}
            before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            granted = spec.get("terminationGracePeriodSeconds", 30) - before
            yield from time_to_stop(name, int(environment.get("SHUTDOWN_GRACE_SECONDS", GRACE)), granted)
            yield from probes(name, container)
        if name in SERVICES:
            yield from admin(name, container)
        for variable in container.get("env", []):
            if variable["name"] != "POD_NAME" and not is_known(variable["name"]):
                yield f"{name}: {variable['name']} is not in config.yaml"


def admin(name: str, container: dict) -> Problems:
    """Kubernetes asks the admin listener, where the image has it."""
    ports = {port["name"]: str(port["containerPort"]) for port in container.get("ports", [])}
    if ports.get("admin") != ADMIN.get("ADMIN_PORT"):
        yield f"{name}: its port named admin is {ports.get('admin')}, that of its image {ADMIN.get('ADMIN_PORT')}"
    for probe, path in PROBES.items():
        asked = container.get(probe, {}).get("httpGet", {})
        if asked != {"path": path, "port": "admin"}:
            yield f"{name}: {probe} must ask {path} of the port named admin"


def references(spec: dict, defined: dict[tuple[str, str], set[str]]) -> Problems:
    """Names of ConfigMaps and Secrets, and of the keys in them."""
    name = spec["containers"][0]["name"]
    used = []
    for source in spec["containers"][0].get("envFrom", []):
        key = ("ConfigMap", source["configMapRef"]["name"])
        used.append((key, set()))
        for variable in defined.get(key, set()):
            if not is_known(variable):
                yield f"{name}: {variable} of {key[1]} is not in config.yaml"
    for variable in spec["containers"][0].get("env", []):
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if reference := variable.get("valueFrom", {}).get(field):
                keys = set() if reference.get("optional") else {reference["key"]}
                used.append(((kind, reference["name"]), keys))
    for volume in spec.get("volumes", []):
        if secret := volume.get("secret"):
            used.append((("Secret", secret["secretName"]), {item["key"] for item in secret.get("items", [])}))
        for source in volume.get("projected", {}).get("sources", []):
            if secret := source.get("secret"):
                used.append((("Secret", secret["name"]), {item["key"] for item in secret.get("items", [])}))
    for variable in spec["containers"][0].get("env", []):
        if file := least_rights.mounted(variable):
            used += least_rights.where(file, spec)
    for key, keys in used:
        if key not in defined:
            yield f"{name}: there is no {key[0]} {key[1]}"
        elif missing := keys - defined[key]:
            yield f"{name}: {key[0]} {key[1]} lacks {', '.join(sorted(missing))}"


def secrets_of_others(defined: dict[tuple[str, str], set[str]]) -> dict[tuple[str, str], set[str]]:
    """Secrets that an overlay leaves to others: operators make them, or its user does, as overlays/local does."""
    by_operators = {("Secret", name): keys for name, keys in custom_resources.SECRETS_OF_OPERATORS.items()}
    if any(kind == "Secret" for kind, _ in defined):
        return by_operators
    local = yaml.safe_load(Path("deploy/kubernetes/overlays/local/kustomization.yaml").read_text())
    shapes = {
        ("Secret", secret["name"]): {literal.partition("=")[0] for literal in secret["literals"]}
        for secret in local["secretGenerator"]
    }
    of_components = {("Secret", name): keys for name, keys in SECRETS_OF_COMPONENTS.items()}
    return shapes | of_components | by_operators


def same_servers(objects: list[dict]) -> Problems:
    """PostgreSQL and RabbitMQ are of the same version in both worlds."""
    for o in objects:
        if o["kind"] == "StatefulSet":
            name, image = o["metadata"]["name"], o["spec"]["template"]["spec"]["containers"][0]["image"]
            if image != COMPOSE["services"][name]["image"]:
                yield f"{name}: {image}, but {COMPOSE['services'][name]['image']} in compose.yaml"


def main() -> int:
    """Prints every problem; 1 if there is any."""
    problems = [f"Dockerfile: {p}" for p in [*dockerfile(), *images.dockerfile(DOCKERFILE)]]
    problems += [f"compose.yaml: {p}" for p in [*compose(), *least_rights.compose(COMPOSE)]]
    problems += custom_resources.alerts()
    for path in sys.argv[1:]:
        objects = [o for o in yaml.safe_load_all(Path(path).read_text()) if o]
        stem = Path(path).stem
        found = [
            *kubernetes(objects),
            *same_servers(objects),
            # The example replaces one image, and says so.
            *(images.kubernetes(objects, stem in {"base", "production"}) if stem != "example" else []),
            *least_rights.kubernetes(objects, stem),
            *custom_resources.check(objects),
        ]
        problems += [f"{stem}: {p}" for p in found]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
