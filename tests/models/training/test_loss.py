from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from models.training.loss import (
    classification_loss,
    distillation,
    mixed_losses,
    photo_losses,
    set_cross_entropy,
)

N, K = 6, 4


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(N, K, generator=torch.Generator().manual_seed(0), requires_grad=True)


def single(targets: torch.Tensor) -> torch.Tensor:
    return functional.one_hot(targets, K).bool()


def test_a_single_label_costs_its_cross_entropy(logits: torch.Tensor) -> None:
    targets = torch.tensor([0, 1, 2, 3, 0, 1])
    found = classification_loss(logits, single(targets), torch.zeros(N, K), torch.zeros(N))
    wanted = functional.cross_entropy(logits, targets)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(
        torch.autograd.grad(found, logits), torch.autograd.grad(wanted, logits)
    )


def test_a_set_costs_the_negative_log_of_its_summed_probability(logits: torch.Tensor) -> None:
    labels = single(torch.tensor([0] * N)) | single(torch.tensor([2] * N))
    probabilities = logits.softmax(1)
    found = set_cross_entropy(logits.log_softmax(1), labels)
    torch.testing.assert_close(found, -(probabilities[:, 0] + probabilities[:, 2]).log())


def test_a_set_of_everything_costs_nothing(logits: torch.Tensor) -> None:
    found = set_cross_entropy(logits.log_softmax(1), torch.ones(N, K, dtype=torch.bool))
    torch.testing.assert_close(found, torch.zeros(N), atol=1e-6, rtol=0)
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    torch.testing.assert_close(gradient, torch.zeros(N, K), atol=1e-6, rtol=0)


def test_without_a_label_the_teacher_alone_teaches(logits: torch.Tensor) -> None:
    teacher = torch.randn(N, K, generator=torch.Generator().manual_seed(1)).softmax(1)
    everything = torch.ones(N, K, dtype=torch.bool)
    found = classification_loss(logits, everything, teacher, torch.ones(N))
    torch.testing.assert_close(found, functional.cross_entropy(logits, teacher))


def test_trust_divides_the_loss_between_label_and_teacher(logits: torch.Tensor) -> None:
    labels = single(torch.tensor([3, 2, 1, 0, 3, 2]))
    teacher = torch.full((N, K), 1 / K)
    teacher_weight = torch.tensor([0, 0.15, 0.5, 1, 0.25, 0.75])
    log_probabilities = logits.log_softmax(1)
    parts = zip(
        teacher_weight,
        set_cross_entropy(log_probabilities, labels),
        distillation(log_probabilities, teacher),
        strict=True,
    )
    wanted = torch.stack([(1 - t) * label + t * taught for t, label, taught in parts]).mean()
    torch.testing.assert_close(classification_loss(logits, labels, teacher, teacher_weight), wanted)


def test_a_mixed_photograph_costs_what_both_cost_by_their_areas(logits: torch.Tensor) -> None:
    targets = (
        single(torch.tensor([0, 1, 2, 3, 0, 1])),
        torch.full((N, K), 1 / K),
        torch.full((N,), 0.2),
    )
    partners = torch.tensor([1, 2, 3, 4, 5, 0])
    shares = torch.tensor([1, 0, 0.25, 0.5, 0.75, 0.1])
    own = photo_losses(logits, *targets)
    others = photo_losses(logits, *(target.roll(-1, 0) for target in targets))
    found = mixed_losses(logits, targets, partners, shares)
    assert found[0] == own[0]
    assert found[1] == others[1]
    torch.testing.assert_close(found, shares * own + (1 - shares) * others)
