"""A TypeScript client, generated from the description, compiles and calls every route."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.described import operations, written
from tests.foreign import node_modules
from tests.servers import ROOT, Serve, clean_environment

PACKAGES = ("@hey-api/openapi-ts@0.95.0", "typescript@5.9.3")
KEY, MANAGER = "a-key-of-twenty-bytes", "a-key-of-the-managers"

SETTINGS = {
    "compilerOptions": {
        "strict": True,
        "target": "es2022",
        "lib": ["es2022", "dom", "dom.iterable"],
        "types": [],
        "module": "commonjs",  # so that Node.js finds the files without being told their suffixes
        "moduleResolution": "node10",
        "outDir": "made",
    },
    "files": ["ask.ts"],
}

SCRIPT = """
import * as booth from './booth';
import { client } from './booth/client.gen';

declare const process: { argv: string[] };
declare function require(name: string): any;

const [url, key, managerKey, file] = process.argv.slice(2);
const image: string = require('fs').readFileSync(file).toString('base64');
client.setConfig({ baseUrl: url, auth: key, throwOnError: true });

async function given<T>(answer: Promise<{ data?: T; error?: unknown }>): Promise<T> {
    const { data, error } = await answer;
    if (data === undefined) throw new Error(JSON.stringify(error));
    return data;
}

function first(answer: booth.Answer | booth.Answers): string {
    const one = 'results' in answer ? answer.results[0] : answer;
    if (!('predictions' in one)) throw new Error(one.detail);
    return one.predictions[0].label;
}

async function main() {
    const name = { name: 'places365' };
    const path = { ...name, version: '2' };
    const tensor = { name: 'image', datatype: 'BYTES', shape: [1], data: [image] };
    const instances = { instances: [{ b64: image }, image] };
    const managed = { path: name, auth: managerKey };
    const weights = { weights: { '2': 1 } };
    const invoked = await given(booth.invoke({ body: { image } }));
    const scores = await given(
        booth.classifyAsHuggingFace({ path: name, body: { inputs: image, top_k: 1 } }),
    );
    const predicted = await given(booth.predict({ path: name, body: instances }));
    const one = await given(booth.predictVersion({ path, body: instances }));
    const outputs = (await given(booth.infer({ path: name, body: { inputs: [tensor] } }))).outputs;
    const { layers } = await given(booth.getLayers({ path: name }));
    const layer = layers[0].name;
    const inspected = { body: { image }, query: { layer } };
    const features = await given(booth.getFeatures({ body: { image } }));
    const { filters } = await given(booth.getFilters({ path: name, query: { layer } }));
    const units = { ...inspected, query: { layer, units: 1, maps: 'numbers' as const } };
    const label: booth.Label = (await given(booth.getLabels({ path: name })))[0];
    const asked: booth.ClassifyData['query'] = { explain: 'region', top_k: 1 };
    const wrong = await booth.classify({ body: { image: 'AAAA' }, throwOnError: false });
    const stranger = await booth.listModels({ auth: 'wrong', throwOnError: false });
    console.log(JSON.stringify({
        classify: [
            first(await given(booth.classify({ body: { image }, query: asked }))),
            first(await given(booth.classify({ body: { images: [image], top_k: 1 } }))),
        ],
        get_label_map: (await given(booth.getLabelMap({ body: { image } }))).cells.rows > 1,
        get_activations: (await given(booth.getActivations(units))).layers[0].layer,
        get_occlusion: (
            await given(booth.getOcclusion({ ...inspected, query: { layer, unit: 0 } }))
        ).layer,
        get_features: 'size' in features && features.size,
        list_models: (await given(booth.listModels())).models[0].name,
        list_sources: (await given(booth.listSources())).sources[0].name,
        get_model: (await given(booth.getModel({ path: name }))).precision,
        get_labels: label.name,
        get_layers: layer,
        get_filters: filters[0].unit,
        check_v2_live: (await given(booth.checkV2Live())).live,
        check_v2_ready: (await given(booth.checkV2Ready())).ready,
        get_v2_server: (await given(booth.getV2Server())).name,
        list_v2_models: (await given(booth.listV2Models())).models,
        get_v2_model: (await given(booth.getV2Model({ path: name }))).versions,
        get_v2_model_version: (await given(booth.getV2ModelVersion({ path }))).versions,
        check_v2_model: (await given(booth.checkV2Model({ path: name }))).ready,
        check_v2_model_version: (await given(booth.checkV2ModelVersion({ path }))).ready,
        infer: outputs[0].shape,
        infer_version: (
            await given(booth.inferVersion({ path, body: { inputs: [tensor] } }))
        ).model_version,
        index_v2_repository: (await given(booth.indexV2Repository()))[0].state,
        classify_as_hugging_face: 'label' in scores[0] && scores[0].label,
        list_model_names: (await given(booth.listModelNames())).models,
        predict: 'predictions' in predicted && predicted.predictions.length,
        predict_version: 'predictions' in one && one.predictions.length,
        get_model_status: (await given(booth.getModelStatus({ path: name }))).ready,
        get_version_status: (await given(booth.getVersionStatus({ path }))).ready,
        ping: await given(booth.ping()),
        invoke: 'environment' in invoked && first(invoked),
        put_rollout: (await given(booth.putRollout({ ...managed, body: weights }))).shares,
        get_rollout: (await given(booth.getRollout(managed))).set_by,
        unload_model: (await given(booth.unloadModel(managed))).models.length,
        load_model: (await given(booth.loadModel(managed))).models.length,
        unload_v2_model: (
            await given(booth.unloadV2Model({ ...managed, body: {} }))
        ).models.length,
        load_v2_model: (
            await given(booth.loadV2Model({ ...managed, body: {} }))
        ).models.length,
        check_live: await given(booth.checkLive()),
        check_ready: await given(booth.checkReady()),
        get_metrics: (await given(booth.getMetrics())).includes('booth_requests_total'),
        errors: [wrong.error?.status, wrong.error?.type, stranger.error?.status],
    }));
}

void main();
"""


def run(*command: str | Path, within: Path) -> str:
    """What a program writes."""
    done = subprocess.run(
        command,
        cwd=within,
        env=clean_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=90,
        check=False,
    )
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


def compiled(folder: Path, description: Any) -> Path:
    """The program ``SCRIPT`` with a client for a description, for Node.js."""
    programs = node_modules(*PACKAGES) / ".bin"
    path = written(folder / "openapi.json", description)
    run(programs / "openapi-ts", "--input", path, "--output", "booth", within=folder)
    (folder / "tsconfig.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    (folder / "ask.ts").write_text(SCRIPT, encoding="utf-8")
    run(programs / "tsc", within=folder)
    return folder / "made" / "ask.js"


@pytest.mark.timeout(240)
def test_it_calls_every_route(serve: Serve, tmp_path: Path) -> None:
    with serve(models="places365", api_keys=KEY, management_keys=MANAGER) as server:
        description = httpx.get(f"{server.url}/openapi.json").json()
        program = compiled(tmp_path, description)
        photo = ROOT / "demo/samples/coffee.jpg"
        answers = json.loads(run("node", program, server.url, KEY, MANAGER, photo, within=tmp_path))
    assert answers.pop("errors") == [415, "/problems/unsupported-format", 401]
    assert answers == {
        "classify": ["Coffee shop"] * 2,
        "get_label_map": True,
        "get_activations": "conv0",
        "get_occlusion": "conv0",
        "get_features": 1280,
        "list_models": "places365",
        "list_sources": "alexnet",
        "get_model": "int8",
        "get_labels": "Airfield",
        "get_layers": "conv0",
        "get_filters": 0,
        "check_v2_live": True,
        "check_v2_ready": True,
        "get_v2_server": "booth",
        "list_v2_models": ["places365"],
        "get_v2_model": ["2"],
        "get_v2_model_version": ["2"],
        "check_v2_model": True,
        "check_v2_model_version": True,
        "infer": [1, 365],
        "infer_version": "2",
        "index_v2_repository": "READY",
        "classify_as_hugging_face": "Coffee shop",
        "list_model_names": ["places365"],
        "predict": 2,
        "predict_version": 2,
        "get_model_status": True,
        "get_version_status": True,
        "ping": "ready\n",
        "invoke": "Coffee shop",
        "put_rollout": {"2": 1},
        "get_rollout": "request",
        "unload_model": 0,
        "load_model": 1,
        "unload_v2_model": 0,
        "load_v2_model": 1,
        "check_live": "alive\n",
        "check_ready": "ready\n",
        "get_metrics": True,
    }
    assert set(answers) == set(operations(description))
