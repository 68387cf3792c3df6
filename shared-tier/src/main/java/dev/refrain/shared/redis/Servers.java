package dev.refrain.shared.redis;

import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.util.concurrent.CompletionStage;

/** Makes connections to the servers of a tier. Thread-safe. */
interface Servers {
    /** Makes a connection for commands. */
    CompletionStage<StatefulConnection<byte[], byte[]>> connect();

    /** Makes a connection for notices; in a cluster, to the node with the log of barriers. */
    CompletionStage<StatefulRedisPubSubConnection<byte[], byte[]>> connectNotices();

    /** Whether the servers are nodes of a cluster, which have separate clocks and listeners. */
    boolean isCluster();

    /** Adds a listener for connections that end. */
    void addListener(RedisConnectionStateListener listener);

    /** Closes all connections. */
    CompletionStage<?> close();
}
