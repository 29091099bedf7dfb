"""Centralities of the nodes of an undirected graph, from its adjacency matrix.

Definitions and normalisations are those of networkx, with which the tests compare.
"""

from dataclasses import dataclass

import numpy as np

from quant.analytics.arrays import Flags, Floats, Integers


@dataclass(frozen=True, slots=True)
class Paths:
    """Shortest paths between all pairs of nodes, each link of length 1.

    Attributes:
        distance: Shape (n, n); -1 where there is no path.
        count: Number of shortest paths, shape (n, n); 1 from a node to itself.
    """

    distance: Integers
    count: Floats


def shortest_paths(adjacency: Flags) -> Paths:
    """Search breadth-first from all nodes at once.

    Args:
        adjacency: Symmetric, without loops, shape (n, n).
    """
    nodes = len(adjacency)
    links = adjacency.astype(np.float64)
    distance = np.where(np.eye(nodes, dtype=np.bool_), 0, -1)
    count = np.eye(nodes)
    frontier, step = count, 0
    while frontier.any():
        step += 1
        frontier = np.where(distance < 0, frontier @ links, 0)
        distance[frontier > 0] = step
        count = count + frontier
    return Paths(distance, count)


def betweenness(adjacency: Flags, paths: Paths | None = None) -> Floats:
    """Return betweenness centralities, shape (n,): shares of shortest paths through a node.

    Source: Brandes (2001), Journal of Mathematical Sociology 25; its accumulation of dependencies
    is done for all sources at once.

    Args:
        adjacency: Symmetric, without loops, shape (n, n).
        paths: Its shortest paths, where they are known.
    """
    nodes = len(adjacency)
    paths = shortest_paths(adjacency) if paths is None else paths
    links = adjacency.astype(np.float64)
    dependency = np.zeros((nodes, nodes))
    per_path = np.divide(1, paths.count, out=np.zeros((nodes, nodes)), where=paths.count > 0)
    for step in range(int(paths.distance.max(initial=0)), 1, -1):
        credit = np.where(paths.distance == step, (1 + dependency) * per_path, 0) @ links
        dependency += np.where(paths.distance == step - 1, credit * paths.count, 0)
    total = dependency.sum(axis=0) - dependency.diagonal()
    return total / max((nodes - 1) * (nodes - 2), 1)


def closeness(paths: Paths) -> Floats:
    """Return closeness centralities with the correction of Wasserman and Faust, shape (n,).

    Source: Wasserman and Faust (1994), Social Network Analysis, page 201: nodes that reach few
    others are not called close for it.
    """
    reached = (paths.distance > 0).sum(axis=1)
    total = np.maximum(paths.distance, 0).sum(axis=1)
    others = max(len(reached) - 1, 1)
    mean_inverse = np.divide(reached, total, out=np.zeros(len(reached)), where=total > 0)
    close: Floats = mean_inverse * reached / others
    return close


def components(paths: Paths) -> Integers:
    """Return the connected component of each node, numbered in the order of their first nodes."""
    if not len(paths.distance):
        return np.zeros(0, np.int64)
    first = (paths.distance >= 0).argmax(axis=1)
    return np.unique(first, return_inverse=True)[1].ravel()


def eigenvector(adjacency: Flags | Floats, component: Integers) -> Floats:
    """Return eigenvector centralities of unit Euclidean norm, shape (n,).

    Source: Bonacich (1972), Journal of Mathematical Sociology 2. In a graph of several components
    they are those of the component with the greatest eigenvalue, the first of several, and 0
    elsewhere: a vector over all of them would not be unique.

    Args:
        adjacency: Symmetric, non-negative, shape (n, n); weights count.
        component: Component of each node.
    """
    result = np.zeros(len(adjacency))
    greatest = 0.0
    for number in range(int(component.max(initial=-1)) + 1):
        nodes = np.flatnonzero(component == number)
        if len(nodes) < 2:
            continue
        values, vectors = np.linalg.eigh(adjacency[np.ix_(nodes, nodes)].astype(np.float64))
        # Rounding must not decide between equal components.
        if values[-1] > greatest * (1 + 1e-9):
            greatest = float(values[-1])
            result[:] = 0
            result[nodes] = np.abs(vectors[:, -1])
    return result
