"""Which images are named, and what is in ours."""

import re
from collections.abc import Iterator

import least_rights

# The images of the base: names that no registry has. An overlay replaces each of them.
UNKNOWN_REGISTRY = "registry.invalid/"
DIGEST = r"@(sha256:[0-9a-f]{64}|\$\{\w+_DIGEST\})"


def dockerfile(text: str) -> Iterator[str]:
    """Bases by digest; what runs is distroless, not root, without a shell; crates are listed in binaries."""
    stages: set[str] = set()
    for base, name in re.findall(r"^FROM (?:--\S+ )*(\S+) AS (\S+)", text, re.MULTILINE):
        if base not in stages and not re.search(DIGEST, base):
            yield f"{name}: its base {base} has no digest"
        stages.add(name)
    for argument, value in re.findall(r"^ARG (\w+_DIGEST)=(.*)", text, re.MULTILINE):
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
            yield f"{argument}: {value} is no digest"
    runtime = text[text.index(" AS runtime") :]
    if not re.search(r"^FROM gcr\.io/distroless/\S+:nonroot@\S+ AS runtime$", text, re.MULTILINE):
        yield "runtime: its base is not distroless, or not for users without rights (:nonroot)"
    if re.search(r"^(RUN|SHELL) ", runtime, re.MULTILINE):
        yield "runtime: there is no shell that could run something"
    if re.search(r"^(ENTRYPOINT|CMD|    CMD) [^\[]", runtime, re.MULTILINE):
        yield "runtime: a command in the form of a shell; write it as a list"
    if not re.search(r"^USER [1-9]\d*:[1-9]\d*$", runtime, re.MULTILINE):
        yield "runtime: must run as a user with a number, and not as root"
    if "cargo auditable build" not in text:
        yield "the binaries do not carry the list of their crates (cargo auditable)"
    for platform in ("amd64", "arm64"):
        if f"        {platform})" not in text:
            yield f"it builds nothing for {platform}"


def kubernetes(objects: list[dict], is_for_others: bool) -> Iterator[str]:
    """What others build upon names no image that anybody could publish; an overlay leaves none of these names in."""
    for o in objects:
        spec = (least_rights.template(o) or {}).get("spec", {})
        for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
            is_unknown = container["image"].startswith(UNKNOWN_REGISTRY)
            if is_for_others and not is_unknown:
                yield f"{container['name']}: {container['image']} does not begin with {UNKNOWN_REGISTRY}"
            if not is_for_others and is_unknown:
                yield f"{container['name']}: {container['image']} is not replaced (images: newName)"
