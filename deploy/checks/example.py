"""The overlay that deploy/kubernetes/README.md shows, in a folder that is its argument, with files for its Secrets."""

import re
import sys
from pathlib import Path

folder = Path(sys.argv[1])
page = Path("deploy/kubernetes/README.md").read_text()
(overlay,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
folder.mkdir(exist_ok=True)
(folder / "kustomization.yaml").write_text(overlay)
for files in re.findall(r"files: \[([^\]]*)\]", overlay):
    for name in files.split(", "):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
