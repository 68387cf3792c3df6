package dev.refrain.shared.redis;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.resource.ClientResources;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/** One server, or the master that Sentinel names. Sentinel is asked again for each new connection. */
final class OneServer implements Servers {
    private final RedisURI uri;
    private final RedisClient client;

    OneServer(RedisURI uri, ClientResources resources, ClientOptions options) {
        this.uri = uri;
        this.client = RedisClient.create(resources);
        client.setOptions(options);
    }

    @Override
    public CompletionStage<StatefulConnection<byte[], byte[]>> connect() {
        return client.connectAsync(ByteArrayCodec.INSTANCE, uri).thenApply(connection -> connection);
    }

    @Override
    public CompletionStage<StatefulRedisPubSubConnection<byte[], byte[]>> connectNotices() {
        return client.connectPubSubAsync(ByteArrayCodec.INSTANCE, uri);
    }

    @Override
    public boolean isCluster() {
        return false;
    }

    @Override
    public void addListener(RedisConnectionStateListener listener) {
        client.addListener(listener);
    }

    @Override
    public CompletionStage<?> close() {
        return client.shutdownAsync(0, 1, TimeUnit.SECONDS);
    }
}
