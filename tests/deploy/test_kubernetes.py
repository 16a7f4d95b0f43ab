"""The chart and KServe's runtime: valid by Kubernetes' own rules, and true to Booth."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from deploy.manifests import CHART, KUSTOMIZE, Manifest, variants
from service.settings import ELSEWHERE, Settings, digest_of, read_settings, variable
from service.web.access_control import OPEN_PATHS
from tests.conftest import ROOT
from tests.deploy.cluster import built, everything, lint, of_kind, refused, rendered
from tests.deploy.dockerfile import STAGES
from tests.servers import Serve

pytestmark = pytest.mark.xdist_group("kubernetes")

KSERVE = CHART.parent / "kserve"
RUNTIME = yaml.safe_load((KSERVE / "cluster-serving-runtime.yaml").read_text(encoding="utf-8"))
INFERENCE = yaml.safe_load((KSERVE / "inference-service.yaml").read_text(encoding="utf-8"))
CRDS = json.loads((ROOT / "tests/deploy/kserve_crds.json").read_text(encoding="utf-8"))
KNOWN = {*map(variable, Settings.model_fields), *ELSEWHERE}
BARE = (
    *("--set", "autoscaling.enabled=false,podDisruptionBudget.enabled=false,replicas=1"),
    *("--set", "serviceAccount.create=false,fullnameOverride=photos,networkPolicy.enabled=false"),
    *("--set-json", "topologySpreadConstraints=[]"),
    *("--set-json", 'extraEnv=[{"name": "BOOTH_MODELS", "value": "lenet5"}]'),
    *("--set-json", 'extraEnvFrom=[{"secretRef": {"name": "further"}}]'),
)
PROBES = {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
A_KEY = "open-sesame"
AS_DIGEST = json.dumps([digest_of(A_KEY)])


def pods() -> dict[str, dict[str, Any]]:
    """The pods of all Deployments, by the targets of the Dockerfile that they run."""
    gpu = rendered("--values", str(CHART / "values-gpu.yaml"))
    full = everything()
    return {
        "service": of_kind(rendered(), "Deployment")["spec"]["template"]["spec"],
        "gpu": of_kind(gpu, "Deployment")["spec"]["template"]["spec"],
        "demo": of_kind(full, "Deployment", "booth-page")["spec"]["template"]["spec"],
    }


def kserve_pod() -> dict[str, Any]:
    spec = RUNTIME["spec"]
    return {"containers": spec["containers"], "volumes": spec["volumes"]}


def test_helm_finds_nothing_in_the_chart() -> None:
    assert lint() == ""
    values = (("--values", str(path)) for path in variants().values())
    assert lint(*(word for pair in values for word in pair)) == ""


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("replics=3", "replics"),
        ("settings.MODELS=lenet5", "MODELS"),
        ("settings.BOOTH_PORT=9000", "BOOTH_PORT"),
        ("settings.BOOTH_API_KEYS=open-sesame", "BOOTH_API_KEYS"),
        ("resources.limits.memory=null", "memory"),
        ("keys.digests={secret}", "digests"),
        ("service.port=http", "port"),
        ("autoscaling.cpu=0", "autoscaling"),
    ],
)
def test_values_that_will_not_do_are_refused_by_name(setting: str, named: str) -> None:
    assert named in lint("--set", setting)


def test_every_document_is_valid_in_old_and_new_kubernetes(tmp_path: Path) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kserve"}, "spec": kserve_pod()}
    own = [one for one in everything() if one["kind"] != "ServiceMonitor"]
    example = built(KUSTOMIZE / "example")
    broken = {**of_kind(own, "Service"), "spec": {"prots": []}}
    documents = [*own, *rendered(*BARE), *example, pod, broken]
    complaints = refused(documents, tmp_path / "documents")
    assert [line[: len("Service booth 1.27")] for line in complaints] == [
        "Service booth 1.27",
        "Service booth 1.37",
    ]
    assert all("'prots' was unexpected" in line for line in complaints)


def test_it_is_of_booths_own_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert chart["appVersion"] == project["version"]
    (container,) = kserve_pod()["containers"]
    assert container["image"].endswith(f"/booth:{project['version']}")


@pytest.mark.parametrize("target", ["service", "gpu", "demo"])
def test_a_pod_runs_the_image_as_it_was_made(target: str) -> None:
    pod = pods()[target]
    (container,) = pod["containers"]
    user = f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
    assert "command" not in container
    assert [_value(target, "USER"), _value(target, "EXPOSE")] == [
        user,
        str(container["ports"][0]["containerPort"]),
    ]
    assert container["ports"][0]["name"] == "http"
    entrypoint = STAGES[target].last("ENTRYPOINT")
    assert entrypoint
    assert entrypoint.exec_form == (["python3", "-m", "demo"] if target == "demo" else ["booth"])


def _value(target: str, keyword: str) -> str:
    found = STAGES[target].last(keyword)
    assert found
    return found.value


@pytest.mark.parametrize("target", ["service", "gpu", "demo", "kserve"])
def test_a_pod_can_do_no_harm(target: str) -> None:
    """Kubernetes' standard `restricted`, and a file system that is read only."""
    pod = {**pods(), "kserve": kserve_pod()}[target]
    (container,) = pod["containers"]
    security = {**pod.get("securityContext", {}), **container["securityContext"]}
    assert security["runAsNonRoot"] is security["readOnlyRootFilesystem"] is True
    assert security["runAsUser"] == 10001
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["resources"]["limits"].keys() >= {"cpu", "memory"}
    assert {next(iter(set(one) - {"name"})) for one in pod["volumes"]} == {"emptyDir"}
    assert all("sizeLimit" in one["emptyDir"] for one in pod["volumes"])
    if target != "kserve":  # what InferenceServices say, not the runtime
        assert pod["enableServiceLinks"] is pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("target", ["service", "gpu", "kserve"])
def test_probes_ask_what_the_service_answers_without_a_key(target: str) -> None:
    (container,) = {**pods(), "kserve": kserve_pod()}[target]["containers"]
    asked = {name: container[name]["httpGet"]["path"] for name in PROBES}
    assert asked == PROBES
    assert set(asked.values()) <= OPEN_PATHS
    port = container["ports"][0]
    assert {container[name]["httpGet"]["port"] for name in PROBES} <= {
        port["name"],
        port["containerPort"],
    }


def test_all_settings_are_settings() -> None:
    named = set(of_kind(everything(), "ConfigMap")["data"])
    for pod in (*pods().values(), kserve_pod()):
        named |= {one["name"] for one in pod["containers"][0].get("env", [])}
    assert {"BOOTH_DRAIN_MS", "BOOTH_URL"} <= named
    assert named - KNOWN == set()


def test_what_is_not_wanted_is_left_out() -> None:
    documents = rendered(*BARE)
    assert {one["kind"] for one in documents} == {"ConfigMap", "Deployment", "Service"}
    deployment = of_kind(documents, "Deployment", "photos")["spec"]
    assert deployment["replicas"] == 1
    assert deployment["template"]["spec"]["serviceAccountName"] == "default"
    (container,) = deployment["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "BOOTH_MODELS", "value": "lenet5"}]
    assert [list(one) for one in container["envFrom"]] == [["configMapRef"], ["secretRef"]]


def test_a_large_number_stays_one() -> None:
    set_ = ("--set-json", 'settings={"BOOTH_CACHE_BYTES": 100000000, "BOOTH_TRACE_SHARE": 0.5}')
    data = of_kind(rendered(*set_), "ConfigMap")["data"]
    assert (data["BOOTH_CACHE_BYTES"], data["BOOTH_TRACE_SHARE"]) == ("100000000", "0.5")


@pytest.mark.parametrize(("grace_ms", "seconds"), [("25000", 30), ("60001", 66)])
def test_the_end_waits_for_what_was_accepted(grace_ms: str, seconds: int) -> None:
    documents = rendered("--set-string", f"settings.BOOTH_GRACE_MS={grace_ms}")
    pod = of_kind(documents, "Deployment")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == seconds
    settings = read_settings(of_kind(documents, "ConfigMap")["data"])
    assert settings.drain_ms < settings.grace_ms < 1000 * seconds


def test_an_inference_service_leaves_kubernetes_its_thirty_seconds_for_the_end() -> None:
    """Knative, on which KServe may stand, refuses one that names others."""
    assert "terminationGracePeriodSeconds" not in INFERENCE["spec"]["predictor"]
    (container,) = kserve_pod()["containers"]
    assert "BOOTH_GRACE_MS" not in {one["name"] for one in container["env"]}
    assert Settings.model_fields["grace_ms"].default < 30_000


def test_whatever_selects_pods_finds_those_of_the_service_alone() -> None:
    documents = everything()
    for name in ("booth", "booth-page"):
        deployment = of_kind(documents, "Deployment", name)["spec"]
        labels = deployment["template"]["metadata"]["labels"]
        wanted = deployment["selector"]["matchLabels"]
        assert wanted.items() <= labels.items()
        assert of_kind(documents, "Service", name)["spec"]["selector"] == wanted
        policy = of_kind(documents, "NetworkPolicy", name)["spec"]
        assert policy["podSelector"]["matchLabels"] == wanted
        (container,) = deployment["template"]["spec"]["containers"]
        ports = [one["containerPort"] for one in container["ports"]]
        assert [one["port"] for one in policy["ingress"][0]["ports"]] == ports
    wanted = of_kind(documents, "Deployment")["spec"]["selector"]["matchLabels"]
    for kind in ("PodDisruptionBudget", "ServiceMonitor"):
        assert of_kind(documents, kind)["spec"]["selector"]["matchLabels"] == wanted


def test_grpc_has_the_port_that_booth_listens_on() -> None:
    documents = everything()
    (container,) = of_kind(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    listening = {one["name"]: str(one["containerPort"]) for one in container["ports"]}
    assert listening["grpc"] == of_kind(documents, "ConfigMap")["data"]["BOOTH_GRPC_PORT"]
    targets = {
        one["name"]: one["targetPort"] for one in of_kind(documents, "Service")["spec"]["ports"]
    }
    assert targets == {"http": "http", "grpc": "grpc"}


def test_booth_speaks_to_nobody_and_the_page_to_booth_alone() -> None:
    documents = everything()
    assert of_kind(documents, "NetworkPolicy")["spec"]["egress"] == []
    to_booth, to_names = of_kind(documents, "NetworkPolicy", "booth-page")["spec"]["egress"]
    (peer,) = to_booth["to"]
    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "service"
    assert {one["port"] for one in to_booth["ports"]} == {8000}
    assert {one["port"] for one in to_names["ports"]} == {53}


def test_a_bucket_of_models_opens_the_way_to_it() -> None:
    documents = rendered("--set", "models.repository=s3://models/booth")
    assert of_kind(documents, "ConfigMap")["data"]["BOOTH_REPOSITORY"] == "s3://models/booth"
    (rule,) = of_kind(documents, "NetworkPolicy")["spec"]["egress"]
    assert {one["port"] for one in rule["ports"]} == {53, 443}
    folder = rendered("--set", "models.repository=/models")
    assert of_kind(folder, "NetworkPolicy")["spec"]["egress"] == []


def test_it_scales_on_a_metric_that_booth_has_and_the_adapter_offers() -> None:
    metrics = of_kind(everything(), "HorizontalPodAutoscaler")["spec"]["metrics"]
    wait, cpu = metrics
    name = wait["pods"]["metric"]["name"]
    assert wait["pods"]["target"] == {"type": "AverageValue", "averageValue": "500m"}
    assert cpu["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
    adapter = yaml.safe_load((CHART.parent / "prometheus-adapter.yaml").read_text("utf-8"))
    (rule,) = adapter["rules"]["custom"]
    assert rule["name"]["as"] == name
    assert rule["seriesQuery"].startswith(f"{name}{{")
    assert name in (ROOT / "docs/metrics.md").read_text(encoding="utf-8")


def test_a_change_of_settings_or_keys_starts_the_pods_anew() -> None:
    def marks(*arguments: str) -> dict[str, str]:
        raw = rendered(*arguments, marks=True)
        return dict(of_kind(raw, "Deployment")["spec"]["template"]["metadata"]["annotations"])

    first, other = marks(), marks("--set-string", "settings.BOOTH_DRAIN_MS=1")
    assert first.keys() == other.keys()
    assert first != other
    assert "checksum/keys" in marks("--set-json", f"keys.digests={AS_DIGEST}")


@pytest.mark.parametrize("document", [RUNTIME, INFERENCE], ids=["runtime", "inference"])
def test_kserve_takes_its_documents(document: Manifest) -> None:
    crd = CRDS[document["kind"]]
    assert document["apiVersion"] == f"serving.kserve.io/{crd['version']}"
    validator = Draft202012Validator(_strict(crd["schema"]))
    assert [one.message for one in validator.iter_errors(document)] == []


def test_kserve_would_refuse_a_misspelt_field() -> None:
    spec = {**RUNTIME["spec"], "protocolVersion": ["v2"]}
    schema = _strict(CRDS["ClusterServingRuntime"]["schema"])
    (error,) = Draft202012Validator(schema).iter_errors({**RUNTIME, "spec": spec})
    assert "protocolVersion" in error.message


def _strict(schema: Any) -> Any:
    """A resource definition that refuses what it does not know instead of leaving it out."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        strict["additionalProperties"] = False
    if strict.get("x-kubernetes-int-or-string"):
        strict.pop("type", None)
    return strict


def test_an_inference_service_asks_for_what_the_runtime_has() -> None:
    model = INFERENCE["spec"]["predictor"]["model"]
    formats = {one["name"] for one in RUNTIME["spec"]["supportedModelFormats"] if one["autoSelect"]}
    assert model["modelFormat"]["name"] in formats
    assert model["protocolVersion"] in RUNTIME["spec"]["protocolVersions"]
    (container,) = RUNTIME["spec"]["containers"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    port = str(container["ports"][0]["containerPort"])
    assert variables["BOOTH_PORT"] == port
    assert RUNTIME["spec"]["annotations"]["prometheus.kserve.io/port"] == port
    assert container["name"] == "kserve-container"


def test_a_service_with_the_pods_environment_answers_the_probes(
    serve: Serve, tmp_path: Path
) -> None:
    documents = rendered("--set-json", f"keys.digests={AS_DIGEST}")
    (container,) = of_kind(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    folder = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}["keys"]
    for file, text in of_kind(documents, "Secret", "booth-keys")["stringData"].items():
        (tmp_path / file).write_text(text)
    variables = _environment(documents, container)
    keys = tmp_path / Path(variables["BOOTH_API_KEYS_FILE"]).relative_to(folder)
    here = {
        "port": 0,
        "drain_ms": 0,
        "host": "127.0.0.1",
        "api_keys_file": keys,
        "models": "lenet5",
    }
    given = {name.removeprefix("BOOTH_").lower(): text for name, text in variables.items()}
    with serve(**{**given, **here}) as server:
        answers = {path: httpx.get(server.url + path).status_code for path in PROBES.values()}
        closed = httpx.get(f"{server.url}/models").status_code
        open_ = httpx.get(f"{server.url}/models", headers={"Authorization": f"Bearer {A_KEY}"})
    assert answers == {"/readyz": 200, "/livez": 200}
    assert (closed, open_.status_code) == (401, 200)


def test_a_service_with_the_runtimes_environment_serves_what_kserve_put_there(
    serve: Serve, tmp_path: Path
) -> None:
    (container,) = RUNTIME["spec"]["containers"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert variables.pop("BOOTH_REPOSITORY") == "/mnt/models"
    (tmp_path / "digits.onnx").symlink_to(ROOT / "models/zoo/lenet5.onnx")
    here = {"port": 0, "drain_ms": 0, "repository": tmp_path}
    given = {name.removeprefix("BOOTH_").lower(): text for name, text in variables.items()}
    with serve(**{**given, **here}) as server:
        served = httpx.get(f"{server.url}/models").json()["models"]
        for path in ("/v2/models/lenet5/ready", "/v1/models/lenet5", "/readyz", "/livez"):
            assert httpx.get(server.url + path).status_code == 200, path
    assert [one["name"] for one in served] == ["lenet5"]


def _environment(documents: list[Manifest], container: dict[str, Any]) -> dict[str, str]:
    """What of Booth's the image, the ConfigMap and the container put into the environment."""
    image = STAGES["service"].last("ENV")
    assert image
    (source,) = container["envFrom"]
    settings = of_kind(documents, "ConfigMap", source["configMapRef"]["name"])["data"]
    own = {one["name"]: one["value"] for one in container["env"]}
    return {k: v for k, v in {**image.pairs, **settings, **own}.items() if re.match("BOOTH_", k)}
