"""Play: a small network in the plane, whose mathematics is PyTorch's, and which learns as told."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import Page, expect
from torch import nn
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from tests.demo.visitor import go_to, seeing_no_fault, watch_writing, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.xdist_group("page")

SIZES = [3, 4, 2, 1]
L2 = 0.05
RATE = 0.1
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "linear": nn.Identity}

IMPORT = """const of = (name) => {
  const base = document.querySelector("#booth").dataset.assets;
  return import(`${document.baseURI}${base}/js/views/play/${name}.js`);
};"""
GRADIENT = """async ([sizes, activation, parameters, inputs, labels, l2]) => {
  const { Network } = await of("network");
  const network = new Network(sizes, activation);
  network.parameters.set(parameters);
  const batch = inputs.map((one, at) => ({ inputs: one, label: labels[at] }));
  network.differentiate(batch, l2);
  return { gradient: [...network.gradient], loss: network.evaluate(batch).loss };
}"""
STEPS = """async ([name, parameters, gradients, rate]) => {
  const { optimiser } = await of("optimisers");
  const moved = Float64Array.from(parameters);
  const optimises = optimiser(name, moved.length);
  for (const one of gradients) optimises.step(moved, one, rate);
  return [...moved];
}"""
PIECE = """async (piece) => {
  const { PIECES } = await of("settings");
  const { Training } = await of("training");
  const training = new Training(PIECES[piece]);
  while (training.epoch < PIECES[piece].epochs) training.advance();
  return training.losses;
}"""
POINTS = """async (settings) => {
  const { points } = await of("data");
  return points({ noise: 20, seed: 5, share: 30, inputs: ["x1x2", "x2"], ...settings });
}"""
READ = """async (fragment) => {
  const { read, written, pieceOf } = await of("settings");
  const parameters = new URLSearchParams(fragment);
  const settings = read((name) => parameters.get(name));
  const back = Object.entries(written(settings)).filter(([, value]) => value !== null);
  return { settings, back: Object.fromEntries(back), piece: pieceOf(settings) };
}"""


def called(body: str) -> str:
    """A function for the page which may import the view's modules."""
    return f"async (given) => {{ {IMPORT} return ({body})(given); }}"


@pytest.fixture(scope="module")
def modules(browser: Browser, site: str) -> Iterator[Page]:
    """The view, for those who ask its modules only."""
    with browser.new_page() as shown:
        shown.goto(f"{site}/play")
        yield shown


@pytest.fixture
def play(browser: Browser, site: str) -> Iterator[Page]:
    """The view, opened."""
    with browser.new_page() as shown, seeing_no_fault(shown):
        shown.goto(f"{site}/play#hidden=3&epochs=50")
        expect(of(shown, "epoch")).to_have_text("0 of 50")
        yield shown


def of(page: Page, name: str) -> Locator:
    """What is said of the epoch, or of the losses: "epoch", "train" or "test"."""
    return page.locator(f"#view [data-of={name}]")


def button(page: Page, name: str) -> Locator:
    return page.locator("#view").get_by_role("button", name=name, exact=True)


def flat(tensors: list[torch.Tensor]) -> list[float]:
    return [number for one in tensors for number in one.flatten().tolist()]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_torch_s(modules: Page, activation: str) -> None:
    torch.manual_seed(3)
    layers: list[nn.Module] = []
    for before, after in pairwise(SIZES):
        layers += [nn.Linear(before, after, dtype=torch.float64), ACTIVATIONS[activation]()]
    network = nn.Sequential(*layers[:-1])
    inputs = torch.randn(7, SIZES[0], dtype=torch.float64)
    labels = torch.tensor([0, 1, 1, 0, 1, 0, 0], dtype=torch.float64)
    loss = nn.functional.binary_cross_entropy_with_logits(network(inputs)[:, 0], labels)
    weights = [one for one in network.parameters() if one.ndim == 2]
    (loss + L2 / 2 * sum(one.square().sum() for one in weights)).backward()  # type: ignore[no-untyped-call]

    parameters = flat([one.detach() for one in network.parameters()])
    given = [SIZES, activation, parameters, inputs.tolist(), labels.tolist(), L2]
    found = modules.evaluate(called(GRADIENT), given)

    expected = flat([one.grad for one in network.parameters() if one.grad is not None])
    assert found["gradient"] == pytest.approx(expected, abs=1e-12, rel=1e-9)
    assert found["loss"] == pytest.approx(loss.item(), rel=1e-12)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_optimisers_step_as_torch_s(modules: Page, name: str) -> None:
    torch.manual_seed(4)
    start = torch.randn(6, dtype=torch.float64)
    gradients = torch.randn(4, 6, dtype=torch.float64)
    expected = adam_s(start, gradients) if name == "adam" else sgd_s(start, gradients, name)
    given = [name, start.tolist(), gradients.tolist(), RATE]
    assert modules.evaluate(called(STEPS), given) == pytest.approx(expected, abs=1e-12)


# PyTorch's functions, not its classes: those import its compiler, which takes seconds.
def sgd_s(start: torch.Tensor, gradients: torch.Tensor, name: str) -> list[float]:
    moved = start.clone()
    momenta: list[torch.Tensor | None] = [None]
    for one in gradients:
        sgd(
            *([moved], [one], momenta),
            momentum=0.9 if name == "momentum" else 0.0,
            lr=RATE,
            weight_decay=0.0,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
    return flat([moved])


def adam_s(start: torch.Tensor, gradients: torch.Tensor) -> list[float]:
    moved, mean, square = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
    steps = torch.tensor(0.0)
    for one in gradients:
        adam(
            *([moved], [one], [mean], [square], [], [steps]),
            amsgrad=False,
            maximize=False,
            lr=RATE,
            beta1=0.9,
            beta2=0.999,
            eps=1e-8,
            weight_decay=0.0,
        )
    return flat([moved])


def test_a_perceptron_fails_on_xor_as_the_page_says(modules: Page) -> None:
    last = modules.evaluate(called(PIECE), "perceptron")[-1]
    assert 0.66 < last["train"]["loss"] < 0.7
    assert last["train"]["right"] < 0.6
    assert last["test"]["right"] < 0.6


def test_one_hidden_layer_does_it_as_the_page_says(modules: Page) -> None:
    last = modules.evaluate(called(PIECE), "layer")[-1]
    assert last["train"]["loss"] < 0.1
    assert last["test"]["loss"] < 0.1
    assert last["test"]["right"] > 0.97


def test_too_much_of_it_overfits_as_the_page_says(modules: Page) -> None:
    losses = modules.evaluate(called(PIECE), "overfit")
    best = min(one["test"]["loss"] for one in losses)
    assert losses[-1]["train"]["loss"] < 0.02
    assert losses[-1]["train"]["right"] == 1
    assert losses[-1]["test"]["loss"] > 3 * best
    assert losses[-1]["test"]["right"] < 0.85
    assert [one["test"]["loss"] for one in losses].index(best) < 50


@pytest.mark.parametrize("data", ["xor", "circle", "gaussians", "spiral"])
def test_data_are_balanced_and_the_same_for_the_same_seed(modules: Page, data: str) -> None:
    found = modules.evaluate(called(POINTS), {"data": data})
    train, test = found["train"], found["test"]
    assert (len(train), len(test)) == (90, 210)
    assert sum(one["label"] for one in train + test) == 150
    assert all(abs(one[axis]) <= 3 for one in train + test for axis in "xy")
    first = train[0]
    assert first["inputs"] == [first["x"] * first["y"], first["y"]]
    assert modules.evaluate(called(POINTS), {"data": data}) == found
    assert modules.evaluate(called(POINTS), {"data": data, "seed": 6}) != found


@pytest.mark.parametrize(
    ("fragment", "back", "piece"),
    [
        ("", {}, "layer"),
        ("hidden=0", {"hidden": "0"}, "perceptron"),
        ("hidden=8-8-8&noise=80&share=15&epochs=300", None, "overfit"),
        ("data=spiral&inputs=sin1,x1&rate=0.1&l2=0.01&batch=300", None, "own"),
        ("data=moon&noise=x&rate=7&hidden=9&optimiser=toString&inputs=z&epochs=", {}, "layer"),
        ("hidden=4-4-4-4&seed=-3&share=1000", {"seed": "1", "share": "90"}, "own"),
    ],
)
def test_settings_come_back_from_the_address_within_bounds(
    modules: Page, fragment: str, back: dict[str, str] | None, piece: str
) -> None:
    found = modules.evaluate(called(READ), fragment)
    assert found["piece"] == piece
    if back is not None:
        assert found["back"] == back
    again = "&".join(f"{name}={value}" for name, value in found["back"].items())
    assert modules.evaluate(called(READ), again) == found


def test_it_trains_and_a_link_gives_the_same_run(play: Page) -> None:
    button(play, "One hidden layer does it").click()
    expect(button(play, "One hidden layer does it")).to_have_attribute("aria-pressed", "true")
    expect(play.get_by_text("Train it, and the losses are drawn here.")).to_be_visible()
    watch_writing(play)
    button(play, "One epoch").click()
    expect(of(play, "epoch")).to_have_text("1 of 100")
    assert {"0", "0.75", "epoch", "100"} <= written(play)
    button(play, "To the end").click()
    expect(play.get_by_role("status").filter(has_text="Epoch 100.")).to_be_attached()
    expect(of(play, "test")).to_contain_text("99\u202f% right")
    assert play.url.endswith("/play#epoch=100")
    learned = state(play)
    play.reload()
    expect(of(play, "epoch")).to_have_text("100 of 100")
    expect(button(play, "To the end")).to_be_visible()
    assert state(play) == learned


def state(page: Page) -> Any:
    """The losses, and what the graph says of the output."""
    page.locator("#view .unit").last.hover()
    return [page.locator(f"#view {one}").inner_text() for one in ("dl", ".reading")]


def test_training_is_watched_paused_and_steered(play: Page) -> None:
    play.get_by_label("Epochs").select_option("2000")
    button(play, "Train").click()
    expect(of(play, "epoch")).to_have_text(re.compile("^[1-9]"))
    play.get_by_label("Learning rate").select_option("0.001")
    expect(button(play, "Pause")).to_be_visible()  # another rate stops nothing
    button(play, "Pause").click()
    stood = of(play, "epoch").inner_text()
    assert "rate=0.001" in play.url
    assert "epoch=" not in play.url  # no link gives this run
    play.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(of(play, "epoch")).to_have_text(stood)
    play.get_by_label("Activation").select_option("relu")
    expect(of(play, "epoch")).to_have_text("0 of 2000")


def test_the_network_is_built_and_read_by_the_keyboard(play: Page) -> None:
    more = button(play, "One hidden layer more")
    more.press("Enter")
    more.press("Enter")
    button(play, "One more unit in hidden layer 2").press("Enter")
    expect(button(play, "One more unit in hidden layer 2")).to_be_focused()
    assert "hidden=3-5-4" in play.url
    for box in ("x₁²", "x₂"):
        play.get_by_role("checkbox", name=box, exact=True).press("Space")
    output = button(play, "Output y")
    output.focus()
    reading = play.locator("#view .reading")
    play.keyboard.press("ArrowLeft")
    expect(reading).to_have_text(re.compile(r"^c₁ = tanh\(.?0\.\d\d\sb₁ .*\sb₅ [+]\s0\.00\)$"))
    expect(play.locator("#view .plane h2")).to_have_text("c₁, hidden layer 3")
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowDown"):
        play.keyboard.press(key)
    expect(button(play, "Input x₁²")).to_be_focused()
    play.keyboard.press("Enter")
    expect(button(play, "Input x₁²")).to_have_attribute("aria-pressed", "true")
    more.focus()
    expect(reading).to_have_text("x₁², as it is")  # pinned


def test_nothing_moves_for_whoever_wants_it_so_and_nothing_stays(
    browser: Browser, site: str
) -> None:
    with browser.new_page(reduced_motion="reduce") as page, seeing_no_fault(page):
        page.goto(f"{site}/play#data=circle&hidden=8-8&epochs=2000")
        expect(of(page, "epoch")).to_have_text("0 of 2000")
        expect(button(page, "Train")).to_be_hidden()
        button(page, "To the end").click()
        expect(button(page, "Pause")).to_be_visible()
        expect(page.locator("#view .losses .none")).to_be_visible()  # only the end is drawn
        go_to(page, "Many")
        assert page.evaluate("location.hash") == ""
