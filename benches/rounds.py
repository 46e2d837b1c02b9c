"""Sides that are measured in turn, so that other work on the machine falls on all of them."""


def in_turn(sides, rounds, measure):
    """The figures of each side by name: `rounds` of them, after a round that is not counted."""
    figures = {name: [] for name in sides}
    for count in range(rounds + 1):
        for name, side in turned(list(sides.items()), count):
            figure = measure(side)
            if count > 0:
                figures[name].append(figure)
    return figures


def turned(sides, count):
    """Another side begins each round, so that none always runs behind the same neighbour."""
    start = count % len(sides)
    return sides[start:] + sides[:start]
