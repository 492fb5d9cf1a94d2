"""Promise: a real API server takes the manifests of every combination."""

from pathlib import Path

import pytest

from tests.cluster.stage import kubectl
from tests.test_manifests import built, projects  # noqa: F401 - fixtures

pytestmark = pytest.mark.needs("cluster")


def test_the_api_server_takes_every_manifest(built, tmp_path):  # noqa: F811
    namespaces = {f"my-service-{overlay}" for _, overlay, _ in built}
    try:
        for namespace in namespaces:
            kubectl("create", "namespace", namespace)
        for _, _, path in built:
            (tmp_path / path.name).symlink_to(path)
        accepted = server_takes(tmp_path)
        assert len(accepted.splitlines()) >= 8 * len(built)
        refused = tmp_path / "refused.yaml"
        text = next(path for answers, _, path in built if answers["strategy"] == "canary").read_text()
        refused.write_text(text.replace("setWeight: 20", "setWeight: most"))
        with pytest.raises(AssertionError, match="setWeight"):
            server_takes(refused)
    finally:
        for namespace in namespaces:
            kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")


def server_takes(path: Path) -> str:
    return kubectl(
        "apply", "--server-side", "--dry-run=server", "--field-manager", "deploy", "--filename", str(path), seconds=600
    )
