"""SageMaker's local mode, unchanged, with a `booth serve` where Docker would start a container."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.foreign import ask_python, foreign_python
from tests.servers import ROOT, free_port
from tests.service.asking import BLUE, RED
from tests.service.conftest import tiny_card, write_tiny

# What its local mode imports. The package imports all of its parts at once, and pandas with them,
# which are left out: the script goes around that.
PACKAGES = (
    "sagemaker-core==2.27.0",
    *("boto3==1.43.117", "botocore==1.43.117", "s3transfer==0.19.3", "jmespath==1.1.0"),
    *("python-dateutil==2.9.0.post0", "six==1.17.0", "urllib3==2.5.0", "requests==2.32.5"),
    *("certifi==2025.11.12", "idna==3.11", "charset-normalizer==3.4.4"),
    *("jsonschema==4.25.1", "jsonschema-specifications==2025.9.1", "referencing==0.37.0"),
    *("rpds-py==0.29.0", "attrs==25.4.0", "typing_extensions==4.15.0"),
    *("PyYAML==6.0.3", "platformdirs==4.5.0", "packaging==25.0"),
)

# In place of Docker's own: it does what `docker run IMAGE serve` would, of an image whose entry
# point is `booth`, with the port and the folders that the compose file names.
DOCKER = """#!{python}
import os, sys, yaml

if sys.argv[1:] == ["compose", "version"]:
    print("Docker Compose version v2.26.1")
    sys.exit()
assert sys.argv[1:3] == ["compose", "-f"]
assert sys.argv[4] == "up"
with open(sys.argv[3]) as file:
    (host,) = yaml.safe_load(file)["services"].values()
assert host["command"] == "serve"
told = dict(one.split("=", 1) for one in host["environment"])
assert told["BOOTH_PORT"] == "8080"
(port,) = [one.removesuffix(":8080") for one in host["ports"]]
(folder,) = [one.split(":")[0] for one in host["volumes"] if one.endswith(":/opt/ml/model")]
models = told["BOOTH_MODELS"].replace("/opt/ml/model", folder)
told |= {{"BOOTH_PORT": port, "BOOTH_MODELS": models}}
os.chdir("{root}")
os.execve("{service}", ["{service}", "-m", "service", host["command"]], {{**os.environ, **told}})
"""

SCRIPT = """
import base64, json, os, sys, time, types
from importlib.metadata import distribution

port, folder = int(sys.argv[1]), sys.argv[2]
FILES = distribution("sagemaker-core")
for name in ("sagemaker", "sagemaker.core"):
    module = types.ModuleType(name)
    module.__path__ = [str(FILES.locate_file(name.replace(".", "/")))]
    sys.modules[name] = module
sys.modules["sagemaker"].core = module

from sagemaker.core.local import entities
from sagemaker.core.local.local_session import LocalSession

entities.time = types.SimpleNamespace(sleep=lambda _: time.sleep(0.5))  # in place of 5 s

quiet = {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}
session = LocalSession(sagemaker_config={"SchemaVersion": "1.0", "SageMaker": quiet})
session.config = {"local": {"serving_port": port}}
client, runtime = session.sagemaker_client, session.sagemaker_runtime_client
runtime.config = session.config
environment = {"BOOTH_PORT": "8080", "BOOTH_MODELS": "/opt/ml/model/tiny.onnx"}
container = {"Image": "booth", "ModelDataUrl": f"file://{folder}/model", "Environment": environment}
client.create_model("tiny", container)
variant = {"ModelName": "tiny", "InstanceType": "local", "InitialInstanceCount": 1,
           "VariantName": "AllTraffic"}
client.create_endpoint_config("tiny", [variant])
client.create_endpoint("tiny", "tiny")

def invoke(body, content_type, **more):
    answer = runtime.invoke_endpoint(body, "tiny", content_type, "application/json", **more)
    head = answer["ResponseMetadata"]
    sent_back = head["HTTPHeaders"].get("x-amzn-sagemaker-custom-attributes")
    return [head["HTTPStatusCode"], json.loads(answer["Body"].read()), sent_back]

red, blue = (open(f"{folder}/{name}.png", "rb").read() for name in ("red", "blue"))
texts = [base64.b64encode(photo).decode() for photo in (red, blue)]
try:
    print(json.dumps([
        client.describe_endpoint("tiny")["EndpointStatus"],
        invoke(red, "image/png", CustomAttributes="model=tiny,top_k=1", TargetVariant="AllTraffic"),
        invoke(json.dumps({"instances": [{"b64": one} for one in texts]}), "application/json"),
        invoke(json.dumps({"inputs": texts[1]}), "application/json"),
        invoke(b"no photograph", "image/png", InferenceId="1"),
    ]))
finally:
    sys.stdout.flush()
    os.dup2(2, 1)  # what the service tells at its end is no answer
    client.delete_endpoint("tiny")
"""


def test_local_mode_pings_and_invokes(tmp_path: Path) -> None:
    python = foreign_python(*PACKAGES)
    (tmp_path / "model").mkdir()
    write_tiny(tmp_path / "model" / "tiny.onnx", tiny_card())
    (tmp_path / "red.png").write_bytes(RED)
    (tmp_path / "blue.png").write_bytes(BLUE)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER.format(python=python, root=ROOT, service=sys.executable))
    docker.chmod(0o755)
    environment = {
        "PATH": f"{docker.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "of-this-test",
        "AWS_SECRET_ACCESS_KEY": "of-this-test",
        "BOOTH_DEMO": "off",
        "BOOTH_DRAIN_MS": "0",
    }
    port = str(free_port())
    state, raw, rows, scores, wrong = ask_python(python, SCRIPT, port, str(tmp_path), **environment)
    assert state == "InService"
    assert raw[0] == 200
    assert [one["label"] for one in raw[1]["predictions"]] == ["Red"]
    assert raw[2] == "model=tiny,top_k=1"
    firsts = [one["predictions"][0]["label"] for one in rows[1]["predictions"]]
    assert firsts == ["Red", "Blue"]
    assert scores[1][0]["label"] == "Blue"
    assert wrong[0] == 415
    assert wrong[1]["error"].startswith("This is text")
