package dev.refrain.engine.internal.request;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Members of a request's body that are left out of its normalised form (wire rule W84), as a tree of names.
 * Immutable and thread-safe.
 */
public final class IgnoredMembers {
    /** One name of the path to an ignored member. */
    static final class Node {
        private final String name;
        private final boolean ignored;
        private final Node[] below;

        private Node(String name, boolean ignored, Node[] below) {
            this.name = name;
            this.ignored = ignored;
            this.below = below;
        }

        boolean isIgnored() {
            return ignored;
        }

        /** The node for a member of the object at this node; null if no path leads through the member. */
        Node member(byte[] bytes, int from, int to) {
            for (Node node : below) {
                if (JsonGrammar.spells(node.name, bytes, from, to)) {
                    return node;
                }
            }
            return null;
        }
    }

    private final Node root;
    private final int depth;

    /** @param places paths of members, each a list of names of ASCII letters, digits, {@code _} and {@code -} */
    public IgnoredMembers(List<List<String>> places) {
        Map<String, Object> tree = new LinkedHashMap<>();
        int deepest = 0;
        for (List<String> place : places) {
            deepest = Math.max(deepest, place.size());
            add(tree, place);
        }
        root = new Node("", false, nodes(tree));
        depth = deepest;
    }

    /** Adds a path to a tree of maps. An ignored member has the value null, and everything in it is ignored, too. */
    @SuppressWarnings("unchecked")
    private static void add(Map<String, Object> tree, List<String> place) {
        String name = place.get(0);
        if (place.size() == 1) {
            tree.put(name, null);
        } else if (!tree.containsKey(name) || tree.get(name) != null) {
            add(
                    (Map<String, Object>) tree.computeIfAbsent(name, n -> new LinkedHashMap<String, Object>()),
                    place.subList(1, place.size()));
        }
    }

    @SuppressWarnings("unchecked")
    private static Node[] nodes(Map<String, Object> tree) {
        return tree.entrySet().stream()
                .map(entry -> entry.getValue() == null
                        ? new Node(entry.getKey(), true, new Node[0])
                        : new Node(entry.getKey(), false, nodes((Map<String, Object>) entry.getValue())))
                .toArray(Node[]::new);
    }

    Node root() {
        return root;
    }

    /** Length of the longest path; 1 for a top-level member. */
    int depth() {
        return depth;
    }
}
