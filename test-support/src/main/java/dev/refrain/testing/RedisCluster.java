package dev.refrain.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A cluster of three nodes on loopback that cover all slots; a test can add replicas. */
public final class RedisCluster implements AutoCloseable {
    private static final int NODES = 3;
    private static final int SLOTS = 16_384;
    private final List<RedisServer> nodes = new ArrayList<>();
    private final List<RedisServer> replicas = new ArrayList<>();

    /** Starts a cluster. Skips the test, with a message, if no server is installed. */
    public RedisCluster(String... options) {
        for (int i = 0; i < NODES; i++) {
            nodes.add(node(options));
        }
        for (int i = 0; i < NODES; i++) {
            List<String> words = new ArrayList<>(List.of("CLUSTER", "ADDSLOTS"));
            IntStream.range(i * SLOTS / NODES, (i + 1) * SLOTS / NODES).forEach(slot -> words.add("" + slot));
            assertThat(nodes.get(i).ask(words.toArray(String[]::new))).isEqualTo("+OK");
            nodes.get(i).ask("CLUSTER", "SET-CONFIG-EPOCH", "" + (i + 1));
        }
        for (RedisServer node : nodes.subList(1, NODES)) {
            assertThat(nodes.get(0).ask("CLUSTER", "MEET", "127.0.0.1", "" + node.port()))
                    .isEqualTo("+OK");
        }
        Await.until(() -> nodes.stream().allMatch(RedisCluster::isReady));
    }

    private static RedisServer node(String... options) {
        List<String> all = new ArrayList<>(List.of("--cluster-enabled", "yes", "--cluster-node-timeout", "2000"));
        all.addAll(List.of(options));
        int port = RedisServer.freePort();
        all.addAll(List.of("--cluster-config-file", "nodes-" + port + "-" + System.nanoTime() + ".conf"));
        return new RedisServer(port, all.toArray(String[]::new));
    }

    private static boolean isReady(RedisServer node) {
        String info = node.text("CLUSTER", "INFO");
        return info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:" + NODES);
    }

    /** Adds a replica of a node, and waits until it is in sync. It takes over when the node fails. */
    public RedisServer replicate(RedisServer node) {
        String id = node.text("CLUSTER", "MYID").strip();
        RedisServer replica = node();
        replicas.add(replica);
        assertThat(replica.ask("CLUSTER", "MEET", "127.0.0.1", "" + node.port()))
                .isEqualTo("+OK");
        // The replica must know the node first; then the other nodes must know the replica.
        Await.until(() -> replica.ask("CLUSTER", "REPLICATE", id).equals("+OK"));
        Await.until(() -> replica.text("INFO", "replication").contains("master_link_status:up")
                && nodes.stream().allMatch(each -> each.text("CLUSTER", "NODES").contains("slave " + id)));
        return replica;
    }

    /** The three nodes, without replicas. */
    public List<RedisServer> nodes() {
        return List.copyOf(nodes);
    }

    /** The URI with all nodes' addresses. */
    public String uri() {
        return nodes.stream()
                .map(node -> "127.0.0.1:" + node.port())
                .collect(Collectors.joining(",", "redis-cluster://", ""));
    }

    /** The node that owns a key's slot. */
    public RedisServer owner(String key) {
        String slot = slot(key);
        for (RedisServer node : nodes) {
            String reply = node.ask("CLUSTER", "COUNTKEYSINSLOT", slot);
            if (!node.ask("GET", key).startsWith("-MOVED") && reply.startsWith(":")) {
                return node;
            }
        }
        throw new AssertionError("nobody has slot " + slot);
    }

    private String slot(String key) {
        return nodes.get(0).ask("CLUSTER", "KEYSLOT", key).substring(1);
    }

    /** Moves the slot of a key to another node, key by key, as operators do in a running cluster. */
    public void move(String key, RedisServer to) {
        String slot = slot(key);
        RedisServer from = owner(key);
        String fromId = from.text("CLUSTER", "MYID").strip();
        String toId = to.text("CLUSTER", "MYID").strip();
        assertThat(to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId)).isEqualTo("+OK");
        assertThat(from.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", toId)).isEqualTo("+OK");
        while (true) {
            List<String> keys = from.list("CLUSTER", "GETKEYSINSLOT", slot, "10");
            if (keys.isEmpty()) {
                break;
            }
            List<String> words =
                    new ArrayList<>(List.of("MIGRATE", "127.0.0.1", "" + to.port(), "", "0", "5000", "KEYS"));
            words.addAll(keys);
            assertThat(from.ask(words.toArray(String[]::new))).isIn("+OK", "+NOKEY");
        }
        // The new owner must hear of the move first.
        for (RedisServer node :
                nodes.stream().sorted((a, b) -> a == to ? -1 : b == to ? 1 : 0).toList()) {
            assertThat(node.ask("CLUSTER", "SETSLOT", slot, "NODE", toId)).isEqualTo("+OK");
        }
    }

    @Override
    public void close() {
        nodes.forEach(RedisServer::close);
        replicas.forEach(RedisServer::close);
    }
}
