"""The sample stands for all pages: none has a shape that no page of the sample has."""

from sample import LESSONS, SAMPLE, shapes


def test_every_shape_of_a_page_is_in_the_sample():
    known = set().union(*map(shapes, SAMPLE))
    unknown = {name: shapes(name) - known for name in LESSONS}
    assert {name: found for name, found in unknown.items() if found} == {}


def test_no_page_of_the_sample_is_gone():
    assert SAMPLE.keys() <= set(LESSONS)
