package dev.refrain.shared.redis;

import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.util.concurrent.CompletionStage;

/** Makes connections. Thread-safe. */
interface Servers {
    /** A connection for commands. */
    CompletionStage<StatefulConnection<byte[], byte[]>> connect();

    /** A connection for notices, to the node that has the log of barriers. */
    CompletionStage<StatefulRedisPubSubConnection<byte[], byte[]>> connectNotices();

    /** Whether these are the nodes of a cluster, each with a clock and with listeners of its own. */
    boolean isCluster();

    /** Told of each connection that ends. */
    void addListener(RedisConnectionStateListener listener);

    /** Ends all connections. */
    CompletionStage<?> close();
}
