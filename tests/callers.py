"""A caller's shell whose exported variables happen to have the names that the emitted scripts use for their own."""

import re
from pathlib import Path

# Assignments, `for` and `read` of a shell script, wherever they stand in a line.
ASSIGNED = re.compile(r"(?:^|[\s;({])(?:for |read -r |IFS= read -r )?([a-z][a-z_]*)(?:=| in )", re.MULTILINE)


def hostile_variables(project: Path) -> dict[str, str]:
    """Return what a caller may export that must not change what a project's scripts do.

    With CDPATH, `cd scripts/..` leads to the first of its folders that has such a folder:
    https://pubs.opengroup.org/onlinepubs/9799919799/utilities/cd.html
    """
    scripts = [path for path in (project / "scripts").rglob("*") if path.is_file()]
    names = {name for path in scripts for name in ASSIGNED.findall(path.read_text())}
    assert names, f"no variables found in {scripts}"
    return dict.fromkeys(names, "from-the-caller") | {"CDPATH": str(Path(__file__).parent.parent)}
