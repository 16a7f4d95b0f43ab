"""Vertex AI's LocalEndpoint, unchanged, with a `booth serve` where it would start a container."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.foreign import ask_python, foreign_python
from tests.servers import ROOT, free_port
from tests.service.asking import RED
from tests.service.conftest import tiny_card, write_tiny

# What these parts of it import. Google's package imports clients of all its services at once, which
# are left out: the script goes around that.
PACKAGES = (
    "google-cloud-aiplatform==2.7.0",
    "google-auth==2.47.0",
    "requests==2.32.5",
    "urllib3==2.5.0",
    "charset-normalizer==3.4.4",
    "certifi==2025.11.12",
    "idna==3.11",
    "protobuf==6.33.6",
)

SCRIPT = """
import base64, json, os, subprocess, sys, types
from importlib.metadata import distribution

python, root, port, photo, log = sys.argv[1:]
FILES = distribution("google-cloud-aiplatform")

def stands_for(name, real=False, **members):
    module = types.ModuleType(name)
    module.__path__ = [str(FILES.locate_file(name.replace(".", "/")))] if real else []
    vars(module).update(members)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], child, module)

class Container:
    status = "running"

    def __init__(self, environment):
        self.ports = {f"{environment['AIP_HTTP_PORT']}/tcp": [{"HostPort": port}]}
        told = {name: str(value) for name, value in environment.items()}
        with open(log, "wb") as out:
            command = [python, "-m", "service", "serve"]
            kept = dict(os.environ, **told)
            self.process = subprocess.Popen(command, cwd=root, env=kept, stdout=out, stderr=out)

    def reload(self):
        self.status = "running" if self.process.poll() is None else "exited"

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def logs(self):
        return open(log, "rb").read()

class Engine:
    containers = types.SimpleNamespace(run=lambda image, environment, **_: Container(environment))

class Config:
    @property
    def project(self):
        raise ValueError("none is set")

import google.cloud
AI = "google.cloud.aiplatform"
containers = types.SimpleNamespace(Container=Container)
stands_for("docker", from_env=Engine, models=types.SimpleNamespace(containers=containers))
stands_for(AI, real=True)
for real in ("prediction", "utils"):
    stands_for(f"{AI}.{real}", real=True)
stands_for(f"{AI}.initializer", global_config=Config())
stands_for(f"{AI}.compat")
stands_for(f"{AI}.compat.types", machine_resources_v1beta1=types.SimpleNamespace(
    DedicatedResources=object
))
stands_for("google.cloud.storage")

from google.cloud.aiplatform.prediction.local_endpoint import LocalEndpoint

red = open(photo, "rb").read()
instances = [{"b64": base64.b64encode(red).decode()}] * 2
json_type = {"Content-Type": "application/json"}
with LocalEndpoint(
    "booth", serving_container_ports=[int(port)], container_ready_check_interval=1
) as endpoint:
    health = endpoint.run_health_check()
    several = endpoint.predict(
        json.dumps({"instances": instances, "parameters": {"top_k": 1}}), headers=json_type
    )
    raw = endpoint.predict(red, headers={"Content-Type": "image/png"})
    wrong = endpoint.predict('{"instances": []}', headers=json_type)
print(json.dumps([
    health.status_code, several.json(), raw.json(), wrong.status_code, wrong.json(),
    endpoint.container.process.returncode,
]))
"""


def test_its_routes_and_port_are_taken_and_instances_answered(tmp_path: Path) -> None:
    python = foreign_python(*PACKAGES)
    model = write_tiny(tmp_path / "tiny.onnx", tiny_card())
    photo = tmp_path / "red.png"
    photo.write_bytes(RED)
    place = (sys.executable, str(ROOT), str(free_port()), str(photo), str(tmp_path / "log"))
    settings = {"BOOTH_MODELS": str(model), "BOOTH_DEMO": "off", "BOOTH_DRAIN_MS": "0"}
    health, several, raw, status, wrong, ended = ask_python(python, SCRIPT, *place, **settings)
    assert (health, ended) == (200, 0)
    labels = [[one["label"] for one in each["predictions"]] for each in several["predictions"]]
    assert labels == [["Red"], ["Red"]]
    assert raw["predictions"][0]["label"] == "Red"
    assert status == 422
    assert wrong["error"].startswith('The JSON must have {"instances": [{"b64": "<base64>"}]}')
