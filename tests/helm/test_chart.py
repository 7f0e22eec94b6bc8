"""The chart lints, renders objects that Kubernetes takes, and carries files that Tocsin takes."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance import services

pytestmark = pytest.mark.real("helm")

CHART = Path(__file__).resolve().parents[2] / "helm" / "tocsin"
SETS = [None, *sorted((CHART / "ci").glob("*.yaml"))]
OLDEST, NEWEST = "1.29", "1.37"  # of Kubernetes


def _name(values: Path | None) -> str:
    return values.stem if values else "no-values"


def _helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    helm = services.program("helm")
    assert helm is not None
    return subprocess.run(
        [helm, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def _render(values: Path | None = None, *settings: str) -> list[dict[str, Any]]:
    given = [*(["--values", str(values)] if values else []), *settings]
    rendered = _helm("template", "t", str(CHART), "--namespace", "alerts", *given)
    assert rendered.returncode == 0, rendered.stderr
    return [each for each in yaml.safe_load_all(rendered.stdout) if each]


def _one(objects: list[dict[str, Any]], kind: str, name: str | None = None) -> dict[str, Any]:
    (found,) = [
        each
        for each in objects
        if each["kind"] == kind and (name is None or each["metadata"]["name"] == name)
    ]
    return found


@pytest.mark.parametrize("values", SETS, ids=_name)
def test_it_lints(values: Path | None) -> None:
    given = ["--values", str(values)] if values else []
    linted = _helm("lint", "--strict", str(CHART), *given)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.real("kubernetes-validate")
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("values", SETS, ids=_name)
def test_kubernetes_takes_it(values: Path | None, version: str, tmp_path: Path) -> None:
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(yaml.safe_dump_all(_render(values)))
    validate = services.program("kubernetes-validate")
    assert validate is not None
    checked = subprocess.run(
        [validate, "--strict", "-k", version, str(rendered)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "statefulset/t-tocsin" in checked.stdout + checked.stderr


@pytest.mark.parametrize("values", SETS, ids=_name)
def test_every_pod_is_restricted(values: Path | None) -> None:
    pod = _one(_render(values), "StatefulSet")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["terminationGracePeriodSeconds"] >= 60
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("values", SETS, ids=_name)
def test_every_mount_has_its_volume(values: Path | None) -> None:
    spec = _one(_render(values), "StatefulSet")["spec"]
    pod = spec["template"]["spec"]
    volumes = {each["name"] for each in pod["volumes"]}
    volumes |= {each["metadata"]["name"] for each in spec["volumeClaimTemplates"]}
    for container in [*pod["initContainers"], *pod["containers"]]:
        mounts = [mount["name"] for mount in container["volumeMounts"]]
        assert set(mounts) <= volumes
        assert len(mounts) == len(set(mounts))


def test_without_values_it_is_one_replica_with_volume_and_token() -> None:
    objects = _render()
    spec = _one(objects, "StatefulSet")["spec"]
    assert spec["replicas"] == 1
    assert spec["volumeClaimTemplates"][0]["metadata"]["name"] == "data"
    config = yaml.safe_load(_one(objects, "ConfigMap", "t-tocsin")["data"]["tocsin.yaml"])
    assert config["broker"] == "embedded:///data/log"
    assert "dedup" not in config
    secret = _one(objects, "Secret", "t-tocsin-tokens")["data"]
    token = base64.b64decode(secret["admin-token"]).decode()
    assert len(token) == 40
    (entry,) = yaml.safe_load(base64.b64decode(secret["tokens.yaml"]))["tokens"]
    assert entry == {"name": "admin", "role": "admin", "token": token}


def test_with_secrets_by_reference_it_renders_none() -> None:
    objects = _render(CHART / "ci" / "cluster-values.yaml")
    assert not [each for each in objects if each["kind"] == "Secret"]
    assert _one(objects, "StatefulSet")["spec"]["replicas"] == 3


def test_values_reach_every_file_of_tocsin(tmp_path: Path) -> None:
    """What the pod would see is read by Tocsin itself, without a finding."""
    from engine import config, rules
    from engine.api import tokens
    from engine.limits import DEFAULT_LIMITS
    from notifiers import config as notifications

    for values in SETS:
        objects = _render(values)
        root = tmp_path / _name(values)
        _lay_out(objects, root)
        text = (root / "config" / "tocsin.yaml").read_text().replace("/etc/tocsin", str(root))
        loaded, findings = config.parse(text, "tocsin.yaml", root, environ={}, hostname="t-0")
        assert loaded is not None, findings
        assert not findings
        rule_set, findings = rules.load(
            rules.read_paths([root / "rules"], root), limits=DEFAULT_LIMITS
        )
        assert rule_set is not None, findings
        assert not findings
        if (written := root / "auth" / "tokens.yaml").read_text():
            assert tokens.load(written.read_text(), "tokens.yaml")[1] == []
        if text := (root / "notifications" / "notifiers.yaml").read_text():
            text = text.replace("/etc/tocsin", str(root))
            base = root / "notifications"
            assert notifications.load(text, "notifiers.yaml", base=base)[1] == []


def test_silences_of_values_are_where_the_configuration_says() -> None:
    objects = _render(CHART / "ci" / "embedded-values.yaml")
    config = yaml.safe_load(_one(objects, "ConfigMap", "t-tocsin")["data"]["tocsin.yaml"])
    assert config["silences"] == ["/etc/tocsin/silences/"]
    files = _one(objects, "ConfigMap", "t-tocsin-silences")["data"]
    assert [each["name"] for each in yaml.safe_load(files["maintenance.yml"])["silences"]] == [
        "database-moves"
    ]
    pod = _one(objects, "StatefulSet")["spec"]["template"]["spec"]
    mounts = {m["name"]: m["mountPath"] for m in pod["containers"][0]["volumeMounts"]}
    assert mounts["silences"] == "/etc/tocsin/silences"
    assert "silences" not in yaml.safe_load(
        _one(_render(), "ConfigMap", "t-tocsin")["data"]["tocsin.yaml"]
    )


def _lay_out(objects: list[dict[str, Any]], root: Path) -> None:
    """Write the files that the pod would have below /etc/tocsin; those of others are empty."""
    pod = _one(objects, "StatefulSet")["spec"]["template"]["spec"]
    volumes = {each["name"]: each for each in pod["volumes"]}
    for mount in pod["containers"][0]["volumeMounts"]:
        if not mount["mountPath"].startswith("/etc/tocsin"):
            continue
        place = root / mount["mountPath"].removeprefix("/etc/tocsin/")
        place.mkdir(parents=True)
        volume = volumes[mount["name"]]
        kind, name = (
            ("ConfigMap", volume["configMap"]["name"])
            if "configMap" in volume
            else ("Secret", volume["secret"]["secretName"])
        )
        for each in objects:
            if each["kind"] == kind and each["metadata"]["name"] == name:
                for file, text in each["data"].items():
                    raw = text.encode() if kind == "ConfigMap" else base64.b64decode(text)
                    (place / file).write_bytes(raw)
    for other in ("auth/tokens.yaml", "notifications/notifiers.yaml"):
        (root / other).touch()
    for secret, text in (("redis/redis-password", "pass"), ("secrets/slack/url", "https://a.b/c")):
        if (root / secret).parent.is_dir():
            (root / secret).write_text(text)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["--set", "replicaCount=2"], "set kafka.url"),
        (["--set", "replicaCount=2,kafka.url=kafka://a:9092"], "set redis.url"),
        (["--set", "redis.existingSecret=a"], "set redis.url"),
        (["--set", "config.broker=kafka://a:9092"], "config.broker is set by the chart"),
        (["--set", "replicas=3"], "replicas"),
        (["--set", "terminationGracePeriodSeconds=10"], "terminationGracePeriodSeconds"),
        (["--set", "kafka.url=b1:9092"], "kafka"),
    ],
)
def test_what_cannot_work_is_refused_by_name(settings: list[str], told: str) -> None:
    rendered = _helm("template", "t", str(CHART), *settings)
    assert rendered.returncode != 0
    assert told in rendered.stderr


def test_a_rule_change_restarts_nothing_and_a_config_change_does() -> None:
    def template(*settings: str) -> str:
        return json.dumps(_one(_render(None, *settings), "StatefulSet")["spec"]["template"])

    assert template() == template("--set", "rules.files.other\\.yaml=groups: []")
    assert template() != template("--set", "config.app_id=other")


@pytest.mark.parametrize(
    ("settings", "prefix"),
    [
        ([], ""),
        (["--set", "config.external_url=https://a.example/tocsin/"], "/tocsin"),
        (["--set", "config.external_url=https://a.example/tocsin,config.route_prefix=/"], ""),
        (["--set", "config.route_prefix=/a/b"], "/a/b"),
    ],
)
def test_probes_ask_below_the_prefix(settings: list[str], prefix: str, tmp_path: Path) -> None:
    from engine import config

    objects = _render(None, *settings)
    pod = _one(objects, "StatefulSet")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    paths = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness")]
    assert paths == [f"{prefix}/-/healthy", f"{prefix}/-/ready"]
    _lay_out(objects, tmp_path)
    text = (tmp_path / "config" / "tocsin.yaml").read_text().replace("/etc/tocsin", str(tmp_path))
    loaded, findings = config.parse(text, "tocsin.yaml", tmp_path, environ={}, hostname="t-0")
    assert loaded is not None, findings
    assert loaded.route_prefix == prefix, "what Tocsin itself makes of the same values"


def test_the_chart_carries_the_version_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((CHART.parents[1] / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == project["version"]
