"""How many articles a claim takes: learnt from the batches before it, within bounds."""

import pytest

from services.workers.batches import BatchSize
from services.workers.runner import batch_size_of
from shared.settings import Settings


def test_the_size_follows_the_time_that_articles_take():
    size = BatchSize(400)
    for _ in range(30):
        size.learn(size.now(), size.now() * 0.05)
    assert size.now() == 40
    assert size.now(seconds=0.5) == 10


def test_where_a_batch_costs_much_whatever_its_size_it_does_not_shrink_to_nothing():
    def run(size):
        for _ in range(30):
            taken = size.now(seconds=0.3)
            size.learn(taken, 0.35 + taken * 0.001)
        return size.now(seconds=0.3)

    assert run(BatchSize(500)) < 5
    assert run(BatchSize(500, least=62)) == 62


def test_it_never_takes_more_than_the_most():
    size = BatchSize(10, least=50)
    assert size.now() == 10
    size.learn(10, 0.0001)
    assert size.now() == 10


@pytest.mark.parametrize(("stage", "least"), [("clean", 1), ("dedupe", 25), ("tag", 1), ("index", 62)])
def test_a_stage_whose_batches_cost_much_keeps_some_in_each(stage, least, tmp_path):
    size = batch_size_of(stage, Settings(data_dir=tmp_path))
    for _ in range(30):
        size.learn(size.now(), 3.0)
    assert size.now(seconds=0.01) == least
