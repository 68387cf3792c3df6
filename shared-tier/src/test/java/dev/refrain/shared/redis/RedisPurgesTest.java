package dev.refrain.shared.redis;

import dev.refrain.engine.shared.SharedPurgesContract;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.testing.Await;
import dev.refrain.testing.RedisServer;
import dev.refrain.testing.TcpForwarder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The contract of purges on a real server, with connections of machines cut and restored. */
class RedisPurgesTest extends SharedPurgesContract {
    private RedisServer server;
    private final List<TcpForwarder> forwarders = new ArrayList<>();

    @BeforeEach
    void start() {
        server = new RedisServer();
    }

    @AfterEach
    void stop() {
        forwarders.forEach(TcpForwarder::close);
        server.close();
    }

    @Override
    protected Connection connection() {
        TcpForwarder forwarder = new TcpForwarder(server.port());
        forwarders.add(forwarder);
        RedisTier tier =
                RedisTier.open(RedisContract.settings(server.uri()).withUri("redis://127.0.0.1:" + forwarder.port()));
        Await.until(tier::canSend);
        return new Connection() {
            @Override
            public SharedTier tier() {
                return tier;
            }

            @Override
            public void cut() {
                forwarder.cut(true);
            }

            @Override
            public void join() {
                forwarder.cut(false);
            }
        };
    }
}
