"""Tables among the cases that have a product of the same group."""

from signals_by_hand import case, make_view, running_counts

from pv.signals.groups import SameGroup


def device(registration, of_class, event="leak", **rest):
    return case("", [{"registration": registration, "class": of_class}], [event], **rest)


def tables(segments, weeks=1):
    """Week by week, (registration, event) → (a, n_product, n_event, n) against the same class."""
    view = make_view("device", segments)
    counts = running_counts(view, "all")
    against = SameGroup(counts, view.products[["segment", "registration", "class"]])
    found = []
    for week in range(weeks):
        counts.advance(week)
        against.advance(week)
        pairs = against.comparable((counts.a > 0).nonzero()[0])
        labels = (counts.incidence.products[counts.product[pairs]], counts.incidence.events[counts.event[pairs]])
        numbers = (counts.a[pairs], *against.margins(pairs))
        rows = zip(*labels, *(column.tolist() for column in numbers), strict=True)
        found.append({(product, event): tuple(row) for product, event, *row in rows})
    return found


def test_a_pump_is_compared_with_pumps():
    [found] = tables(
        [
            device("p1", "pump"),
            device("p1", "pump"),
            device("p1", "pump", "stop"),
            device("p2", "pump", "stop"),
            device("p3", "pump", "leak"),
            device("b1", "bag"),
            device("b1", "bag"),
        ]
    )
    assert found == {
        ("p1", "leak"): (2, 3, 3, 5),
        ("p1", "stop"): (1, 3, 2, 5),
        ("p2", "stop"): (1, 1, 2, 5),
        ("p3", "leak"): (1, 1, 3, 5),
        ("b1", "leak"): (2, 2, 2, 2),
    }


def test_a_case_with_two_products_of_a_group_is_one_case_of_it():
    both = case("", [{"registration": p, "class": "pump"} for p in ("p1", "p2")], ["leak"])
    assert tables([both, device("p2", "pump")]) == [{("p1", "leak"): (1, 1, 2, 2), ("p2", "leak"): (2, 2, 2, 2)}]


def test_the_most_frequent_group_counts_and_blanks_do_not_vote():
    [found] = tables(
        [
            device("x", "pump"),
            device("x", "bag"),
            device("x", "bag"),
            device("x", ""),
            device("x", ""),
            device("x", ""),
            device("y", "bag"),
            device("z", "pump"),
        ]
    )
    assert found[("x", "leak")] == (6, 6, 7, 7)  # with y, and with those of its own that say otherwise
    assert found[("z", "leak")] == (1, 1, 1, 1)


def test_of_equally_frequent_groups_the_first_in_order_counts():
    [found] = tables([device("x", "pump"), device("x", "bag"), device("y", "bag"), device("z", "pump")])
    assert found[("x", "leak")] == (2, 2, 3, 3)


def test_a_product_without_a_group_has_no_table():
    [found] = tables([device("x", ""), device("y", "bag")])
    assert list(found) == [("y", "leak")]


def test_a_product_that_changes_its_group_takes_its_cases_along():
    found = tables(
        [
            device("x", "bag"),
            device("y", "bag"),
            device("z", "pump"),
            device("x", "pump", start=1),
            device("x", "pump", start=1, end=3),
            device("x", "bag", start=2),
        ],
        weeks=4,
    )
    assert found[0][("x", "leak")] == (1, 1, 2, 2)
    assert found[1][("x", "leak")] == (3, 3, 4, 4)  # pump by two to one
    assert found[1][("y", "leak")] == (1, 1, 1, 1)
    assert found[2][("x", "leak")] == (4, 4, 5, 5)  # two to two: bag, the first in order
    assert found[2][("z", "leak")] == (1, 1, 1, 1)
    assert found[3][("x", "leak")] == (3, 3, 4, 4)
