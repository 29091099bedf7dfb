import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.analytics.relations.centrality import (
    betweenness,
    closeness,
    components,
    eigenvector,
    shortest_paths,
)
from quant.analytics.relations.communities import (
    detect_communities,
    greedy_modularity,
    modularity,
    rewired,
)

GRAPHS = {
    "karate": nx.convert_node_labels_to_integers(nx.karate_club_graph()),
    "les miserables": nx.convert_node_labels_to_integers(nx.les_miserables_graph()),
    "scale-free": nx.barabasi_albert_graph(120, 3, seed=2),
    "clustered": nx.powerlaw_cluster_graph(100, 4, 0.3, seed=2),
    "planted": nx.planted_partition_graph(5, 20, 0.4, 0.03, seed=3),
    "path": nx.path_graph(9),
    "sparse, in parts": nx.gnp_random_graph(60, 0.03, seed=1),
    "star": nx.star_graph(6),
    "one link": nx.path_graph(2),
}


def adjacency(graph):
    return nx.to_numpy_array(graph, nodelist=sorted(graph), weight=None) > 0


def ordered(values):
    return np.array([values[node] for node in sorted(values)])


def parts(community):
    return [set(np.flatnonzero(community == c).tolist()) for c in range(community.max() + 1)]


@pytest.fixture(params=GRAPHS, ids=str)
def graph(request):
    return GRAPHS[request.param]


def test_betweenness_and_closeness_equal_networkx(graph):
    matrix = adjacency(graph)
    paths = shortest_paths(matrix)
    np.testing.assert_allclose(
        betweenness(matrix, paths), ordered(nx.betweenness_centrality(graph)), atol=1e-10
    )
    np.testing.assert_allclose(
        closeness(paths), ordered(nx.closeness_centrality(graph)), atol=1e-10
    )
    lengths = dict(nx.all_pairs_shortest_path_length(graph))
    for source, targets in lengths.items():
        for target, length in targets.items():
            assert paths.distance[source, target] == length


def test_components_equal_networkx(graph):
    found = components(shortest_paths(adjacency(graph)))
    assert sorted(map(sorted, parts(found))) == sorted(map(sorted, nx.connected_components(graph)))


def test_eigenvector_centrality_equals_networkx(graph):
    matrix = adjacency(graph)
    found = eigenvector(matrix, components(shortest_paths(matrix)))
    if not nx.is_connected(graph):
        largest = max(
            nx.connected_components(graph),
            key=lambda nodes: np.linalg.eigvalsh(matrix[np.ix_(sorted(nodes), sorted(nodes))])[-1],
        )
        assert set(np.flatnonzero(found).tolist()) == largest
        graph = graph.subgraph(largest)
        found = found[sorted(largest)]
    if len(graph) > 2:
        expected = ordered(nx.eigenvector_centrality_numpy(graph))
        np.testing.assert_allclose(found, expected, atol=1e-8)
    assert np.linalg.norm(found) == pytest.approx(1)


def test_modularity_equals_networkx(graph):
    matrix = adjacency(graph)
    rng = np.random.default_rng(1)
    for communities in (2, 5):
        community = np.unique(rng.integers(communities, size=len(matrix)), return_inverse=True)[1]
        expected = nx.community.modularity(graph, parts(community), weight=None)
        assert modularity(matrix, community) == pytest.approx(expected, abs=1e-12)


def test_greedy_partition_is_as_good_as_networkx(graph):
    found = greedy_modularity(adjacency(graph))
    theirs = nx.community.greedy_modularity_communities(graph)
    best = nx.community.modularity(graph, theirs, weight=None)
    # Ties are broken otherwise there, which can lead either way.
    assert modularity(adjacency(graph), found) == pytest.approx(best, abs=0.01)
    assert (np.sort(np.unique(found)) == np.arange(found.max() + 1)).all()


def test_rewired_graphs_keep_the_degrees_and_lose_the_communities():
    matrix = adjacency(GRAPHS["planted"])
    copies = rewired(matrix, 20, np.random.default_rng(1))
    assert (copies == copies.transpose(0, 2, 1)).all()
    assert not copies.diagonal(axis1=1, axis2=2).any()
    assert (copies.sum(axis=2) == matrix.sum(axis=1)).all()
    kept = (copies & matrix).sum(axis=(1, 2)) / matrix.sum()
    assert kept.mean() < 2 * matrix.mean() + 0.1


def test_planted_communities_beat_the_null_and_a_random_graph_does_not():
    found = detect_communities(adjacency(GRAPHS["planted"]), np.random.default_rng(1), 99)
    assert found.p_value == 0.01
    truth = np.repeat(np.arange(5), 20)
    agreement = sum(np.bincount(truth[found.community == c]).max() for c in range(5))
    assert agreement >= 90
    random = nx.gnp_random_graph(60, 0.1, seed=4)
    assert detect_communities(adjacency(random), np.random.default_rng(1), 99).p_value > 0.05


def test_nodes_without_links_are_in_no_community():
    matrix = np.zeros((4, 4), np.bool_)
    none = detect_communities(matrix, np.random.default_rng(1))
    assert (none.community == -1).all()
    assert np.isnan(none.modularity)
    assert np.isnan(none.p_value)
    matrix[1, 3] = matrix[3, 1] = True
    one = detect_communities(matrix, np.random.default_rng(1), 19)
    assert one.community.tolist() == [-1, 0, -1, 0]
    assert one.p_value == 1
    paths = shortest_paths(matrix)
    assert closeness(paths).tolist() == pytest.approx([0, 1 / 3, 0, 1 / 3])
    assert betweenness(matrix).tolist() == [0] * 4


def test_a_graph_without_nodes_has_no_centralities():
    matrix = np.zeros((0, 0), np.bool_)
    paths = shortest_paths(matrix)
    assert len(betweenness(matrix)) == len(closeness(paths)) == len(components(paths)) == 0
    assert len(eigenvector(matrix, components(paths))) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 14), st.floats(0.05, 0.9), st.integers(0, 10_000))
def test_centralities_of_any_graph_equal_networkx(nodes, density, seed):
    graph = nx.gnp_random_graph(nodes, density, seed=seed)
    matrix = adjacency(graph)
    paths = shortest_paths(matrix)
    np.testing.assert_allclose(
        betweenness(matrix, paths), ordered(nx.betweenness_centrality(graph)), atol=1e-10
    )
    np.testing.assert_allclose(
        closeness(paths), ordered(nx.closeness_centrality(graph)), atol=1e-10
    )
