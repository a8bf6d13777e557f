"""What stands in deploy/, the image and docs/operations.md: valid by the schemas of those who read it, and true of the service."""

from __future__ import annotations

import importlib.util
import io
import json
import re
import shutil
import subprocess
import tarfile

import kubernetes_validate
import promql_parser
import pytest
import requests
import yaml

from passport_service import laws
from passport_service.app import create_metrics

from .patience import PATIENCE
from .servers import serving
from .shipped import CONFIG, ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
RESOURCES = [
    *sorted((KUBERNETES / "base").glob("*.yaml")),
    KUBERNETES / "components/redis/redis.yaml",
    KUBERNETES / "overlays/example/namespace.yaml",
]
VERSIONS = ("1.34", "1.35", "1.37")
COMPONENTS = ("law-configmap", "law-image", "receipts")
OPERATIONS = (ROOT / "docs/operations.md").read_text()
CODE = "".join(path.read_text() for path in [*(ROOT / "passport_service").glob("*.py"), *CONFIG.glob("*.py")])


def documents(path):
    return [found for found in yaml.safe_load_all(path.read_text()) if found and not found["apiVersion"].startswith("kustomize")]


def all_of(kind):
    return {found["metadata"]["name"]: found for path in RESOURCES for found in documents(path) if found["kind"] == kind}


# -- Kubernetes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", [*RESOURCES, KUBERNETES / "secret.example.yaml"], ids=lambda path: path.stem)
def test_every_manifest_is_valid_by_the_published_schema(path, version):
    for found in documents(path):
        kubernetes_validate.validate(found, version, strict=True)


def test_a_manifest_with_a_mistake_is_not():
    (found,) = documents(KUBERNETES / "base/disruption-budget.yaml")
    found["spec"]["maxUnavailabel"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(found, VERSIONS[0], strict=True)


@pytest.fixture(params=[(), *((name,) for name in COMPONENTS), ("law-configmap", "receipts")], ids="+".join)
def rendered(request, tmp_path):
    """The example with some of its components taken in, as kustomize makes it."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl, which renders a kustomization, is not here")
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    (tmp_path / "kubernetes/components/law-configmap/law.tar.xz").write_bytes(archive().pack(CONFIG))
    example = tmp_path / "kubernetes/overlays/example/kustomization.yaml"
    for name in request.param:
        assert f"# - ../../components/{name}\n" in example.read_text()
        example.write_text(example.read_text().replace(f"# - ../../components/{name}\n", f"- ../../components/{name}\n"))
    done = subprocess.run([kubectl, "kustomize", example.parent], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def test_what_kustomize_makes_is_valid_and_everything_in_it_is_there(rendered):
    for found in rendered:
        for version in VERSIONS:
            kubernetes_validate.validate(found, version, strict=True)
    (service,) = [found for found in rendered if found["kind"] == "Deployment" and found["metadata"]["name"] == "passport"]
    pod = service["spec"]["template"]["spec"]
    made = {found["metadata"]["name"] for found in rendered if found["kind"] == "ConfigMap"}
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        assert container["image"] == "registry.example/passport:1.0.0"
        assert {mount["name"] for mount in container["volumeMounts"]} <= {volume["name"] for volume in pod["volumes"]}
        assert {source["configMapRef"]["name"] for source in container.get("envFrom", [])} <= made
        names = [variable["name"] for variable in container["env"]]
        assert len(set(names)) == len(names) and all(f'"{name}"' in CODE for name in names)
    assert {volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume} <= made


def test_pods_may_do_nothing_that_they_need_not():
    for deployment in all_of("Deployment").values():
        pod = deployment["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False and pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]


def test_a_pod_has_time_to_finish_what_it_has_begun():
    pod = all_of("Deployment")["passport"]["spec"]["template"]["spec"]
    waits = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    finishes = int(re.search(r"^graceful_timeout = (\d+)", (CONFIG / "gunicorn.conf.py").read_text(), re.M)[1])
    assert pod["terminationGracePeriodSeconds"] >= waits + finishes + 10
    assert all_of("Deployment")["passport"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_selectors_and_ports_name_what_is_there():
    pods = {name: found["spec"]["template"]["metadata"]["labels"] for name, found in all_of("Deployment").items()}
    ports = {port["name"] for found in all_of("Deployment").values() for port in found["spec"]["template"]["spec"]["containers"][0]["ports"]}
    for name, labels in pods.items():
        assert all_of("Deployment")[name]["spec"]["selector"]["matchLabels"] == labels
        assert all_of("Service")[name]["spec"]["selector"] == labels
        assert all_of("NetworkPolicy")[name]["spec"]["podSelector"]["matchLabels"] == labels
        assert {port["targetPort"] for port in all_of("Service")[name]["spec"]["ports"]} <= ports
    assert all_of("PodDisruptionBudget")["passport"]["spec"]["selector"]["matchLabels"] == pods["passport"]
    assert all_of("HorizontalPodAutoscaler")["passport"]["spec"]["scaleTargetRef"]["name"] == "passport"
    out = all_of("NetworkPolicy")["passport"]["spec"]["egress"][1]["to"][0]["podSelector"]["matchLabels"]
    assert out == pods["passport-redis"]


def test_the_paths_of_the_probes_are_answered(server):
    container = all_of("Deployment")["passport"]["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert requests.get(server + container[probe]["httpGet"]["path"], timeout=PATIENCE).status_code == 200


# -- the law in a ConfigMap -----------------------------------------------------------------------------------------------


def archive():
    spec = importlib.util.spec_from_file_location("law_archive", DEPLOY / "law_archive.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    directory = tmp_path_factory.mktemp("law")
    with tarfile.open(fileobj=io.BytesIO(archive().pack(CONFIG))) as packed:
        packed.extractall(directory)
    return directory


def test_the_law_fits_a_configmap_and_the_same_law_gives_the_same_bytes():
    packed = archive().pack(CONFIG)
    assert packed == archive().pack(CONFIG) and len(packed) < 1024 * 1024 // 2


def test_the_law_comes_out_as_it_went_in(unpacked):
    digests = {host: rulebook.digest for host, rulebook in laws.load(unpacked).rulebooks.items()}
    assert digests == {host: rulebook.digest for host, rulebook in laws.load(CONFIG).rulebooks.items()}
    assert not list(unpacked.rglob("*.py"))


def test_the_service_runs_on_a_directory_of_law_that_holds_no_program(unpacked):
    with serving(unpacked, PASSPORT_WORKERS="1") as (_, address):
        assert requests.get(f"{address}/readyz", timeout=PATIENCE).json()["status"] == "ready"


def test_a_directory_that_holds_no_law_is_refused(tmp_path):
    with pytest.raises(OSError, match="facts.yaml"):
        archive().pack(tmp_path)


# -- alerts and the dashboard ---------------------------------------------------------------------------------------------

ALERTS = [rule for group in yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((DEPLOY / "grafana/passport.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [rule["expr"] for rule in ALERTS] + [target["expr"] for panel in PANELS for target in panel["targets"]]
ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def known():
    """What the service counts. Shapes: name of a series -> its labels."""
    found = {"up": set()}
    for metric in create_metrics().all:
        family = metric.family({})
        found |= {family.name + ending: {*metric.label_names, *(["le"] if ending == "_bucket" else [])} for ending in ENDINGS[family.type]}
    return found


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_is_promql_over_series_and_labels_that_the_service_has(query):
    plain = query.replace("$__rate_interval", "5m").replace("$job", "passport").replace("$host", "US")
    parsed = promql_parser.parse(plain)
    assert parsed is not None
    series = known()
    for name, selector in re.findall(r"\b(passport_\w+|up)(?:\{([^}]*)\})?", plain):
        assert name in series, name
        labels = set(re.findall(r"(\w+)\s*[=!]~?", selector))
        assert labels <= series[name] | {"job", "instance"}, (name, labels)


def test_everything_that_the_service_counts_is_shown_or_watched():
    shown = set(re.findall(r"passport_\w+", " ".join(QUERIES)))
    assert {name for name in known() if not name.endswith(("_sum", "_count"))} <= shown | {"up"}


def test_every_alert_has_its_paragraph_in_the_operations_guide():
    headings = set(re.findall(r"^#### (Passport\w+)$", OPERATIONS, re.M))
    assert headings == {rule["alert"] for rule in ALERTS}
    for rule in ALERTS:
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket", "info")


def test_alerts_fire_when_they_should_and_not_otherwise():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool, which runs deploy/prometheus/alerts_test.yaml, is not here")
    done = subprocess.run([promtool, "test", "rules", DEPLOY / "prometheus/alerts_test.yaml"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried():
    tried = yaml.safe_load((DEPLOY / "prometheus/alerts_test.yaml").read_text())["tests"]
    fired = {case["alertname"] for test in tried for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fired == {rule["alert"] for rule in ALERTS}


def test_no_two_panels_lie_on_each_other():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken = set()
    for place in (panel["gridPos"] for panel in DASHBOARD["panels"]):
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24
        taken |= cells


# -- the guide ------------------------------------------------------------------------------------------------------------


def test_every_setting_stands_in_the_guide_and_every_setting_of_the_guide_is_read():
    listed = re.findall(r"^\| `([A-Z_]+)` \|", OPERATIONS.partition("## Settings")[2], re.M)
    assert len(set(listed)) == len(listed)
    read = set(re.findall(r'"(PASSPORT_[A-Z_]+|PROMETHEUS_[A-Z_]+|HOST|PORT)"', CODE)) - {"PASSPORT_FAILED"}
    assert set(listed) == read


def test_every_file_and_target_that_the_guide_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z-]+)", OPERATIONS)) <= targets
    for path in re.findall(r"\]\(([^)#]+)\)", OPERATIONS):
        assert path.startswith("http") or (ROOT / "docs" / path).exists(), path
