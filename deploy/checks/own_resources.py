"""The resources that Kubernetes itself has, against the schemas of a version of it.

Arguments: the version, a file of rendered manifests. Those of operators are left to custom_resources.py.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import custom_resources
import yaml

version, path = sys.argv[1:]
objects = [o for o in yaml.safe_load_all(Path(path).read_text()) if o]
own = [o for o in objects if re.fullmatch(custom_resources.OWN, o["apiVersion"].rpartition("/")[0])]
with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
    yaml.safe_dump_all(own, file)
    file.flush()
    validate = Path(sys.executable).with_name("kubernetes-validate")
    arguments = ["--kubernetes-version", version, "--strict", "--quiet", file.name]
    sys.exit(subprocess.run([validate, *arguments], check=False).returncode)
