package dev.refrain.shared.redis;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.SlotHash;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.models.partitions.RedisClusterNode;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.resource.ClientResources;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/**
 * The nodes of a cluster. Lettuce keeps a connection to each node, reconnects lost ones, and follows slots that move.
 * Commands that were under way on a lost connection are not sent again. Notices come from the node that has the log of
 * barriers; notices published at other nodes reach it over the cluster bus.
 */
final class ClusterServers implements Servers {
    private static final Duration REFRESH = Duration.ofSeconds(1);

    private final RedisURI seed;
    private final int logSlot;
    private final RedisClusterClient nodes;
    private final RedisClient single;

    /** @param log key of the log of barriers */
    ClusterServers(List<RedisURI> seeds, byte[] log, ClientResources resources, ClientOptions options) {
        this.seed = seeds.get(0);
        this.logSlot = SlotHash.getSlot(log);
        this.single = RedisClient.create(resources);
        single.setOptions(options);
        this.nodes = RedisClusterClient.create(resources, seeds);
        ClusterClientOptions.Builder clusterOptions = ClusterClientOptions.builder()
                .socketOptions(options.getSocketOptions())
                .sslOptions(options.getSslOptions())
                .timeoutOptions(options.getTimeoutOptions())
                .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .topologyRefreshOptions(ClusterTopologyRefreshOptions.builder()
                        .adaptiveRefreshTriggersTimeout(REFRESH)
                        .refreshTriggersReconnectAttempts(1)
                        .build());
        clusterOptions.maintNotificationsConfig(options.getMaintNotificationsConfig());
        clusterOptions.replayFilter(command -> true);
        nodes.setOptions(clusterOptions.build());
    }

    /** Refreshes the topology first, because known nodes may have left the cluster. */
    @Override
    public CompletionStage<StatefulConnection<byte[], byte[]>> connect() {
        return nodes.refreshPartitionsAsync()
                .thenCompose(known -> nodes.connectAsync(ByteArrayCodec.INSTANCE))
                .thenCompose(ClusterServers::withAllNodes);
    }

    /**
     * Connects to all nodes now. Otherwise Lettuce would connect to a node at the first command for it, and this
     * command would fail.
     */
    private static CompletionStage<StatefulConnection<byte[], byte[]>> withAllNodes(
            StatefulRedisClusterConnection<byte[], byte[]> connection) {
        CompletableFuture<?>[] each = connection.getPartitions().stream()
                .filter(node -> node.getRole().isUpstream())
                .map(node -> connection.getConnectionAsync(
                        node.getUri().getHost(), node.getUri().getPort()))
                .toArray(CompletableFuture<?>[]::new);
        // A node that is down must not keep the others from being used.
        return CompletableFuture.allOf(each).handle((all, failure) -> connection);
    }

    @Override
    public CompletionStage<StatefulRedisPubSubConnection<byte[], byte[]>> connectNotices() {
        RedisClusterNode owner = nodes.getPartitions().getMasterBySlot(logSlot);
        if (owner == null) {
            return CompletableFuture.failedStage(new IllegalStateException("no master of the cluster has slot "
                    + logSlot + ", where the log of removals is; check the cluster with redis-cli --cluster check"));
        }
        RedisURI at = RedisURI.builder(seed)
                .withHost(owner.getUri().getHost())
                .withPort(owner.getUri().getPort())
                .build();
        return single.connectPubSubAsync(ByteArrayCodec.INSTANCE, at);
    }

    @Override
    public boolean isCluster() {
        return true;
    }

    /**
     * Adds the listener only to the connection for notices. Lettuce itself reconnects the connections for commands, and
     * one node that is down must not end the use of the others.
     */
    @Override
    public void addListener(RedisConnectionStateListener listener) {
        single.addListener(listener);
    }

    @Override
    public CompletionStage<?> close() {
        return CompletableFuture.allOf(
                nodes.shutdownAsync(0, 1, TimeUnit.SECONDS), single.shutdownAsync(0, 1, TimeUnit.SECONDS));
    }
}
