package dev.refrain.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;

/** A master, a replica and three Sentinels on loopback, with a quorum of two. */
public final class RedisSentinels implements AutoCloseable {
    private static final String MASTER = "answers";

    private final RedisServer first = new RedisServer();
    private final RedisServer second = new RedisServer("--replicaof", "127.0.0.1", "" + first.port());
    private final List<RedisServer> sentinels = new ArrayList<>();

    /**
     * Starts the servers. Skips the test, with a message, if no server is installed.
     *
     * @param folder folder for the configuration files
     */
    public RedisSentinels(Path folder) {
        until(() -> first.text("INFO", "replication").contains("state=online"));
        for (int i = 0; i < 3; i++) {
            sentinels.add(sentinel(folder.resolve("sentinel" + i + ".conf")));
        }
        for (RedisServer sentinel : sentinels) {
            until(() -> {
                String known = sentinel.text("INFO", "sentinel");
                return known.contains("status=ok") && known.contains("slaves=1,sentinels=3");
            });
        }
    }

    private RedisServer sentinel(Path file) {
        try {
            Files.writeString(file, """
                    sentinel monitor %1$s 127.0.0.1 %2$d 2
                    sentinel down-after-milliseconds %1$s 500
                    sentinel failover-timeout %1$s 3000
                    """.formatted(MASTER, first.port()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return RedisServer.sentinel(file);
    }

    private interface Condition {
        boolean holds();
    }

    private static void until(Condition condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.holds()) {
            assertThat(System.nanoTime()).isLessThan(end);
            LockSupport.parkNanos(10_000_000);
        }
    }

    /** The URI by which clients find the master. */
    public String uri() {
        return sentinels.stream()
                        .map(sentinel -> "127.0.0.1:" + sentinel.port())
                        .collect(Collectors.joining(",", "redis-sentinel://", ""))
                + "#" + MASTER;
    }

    /** The initial master. */
    public RedisServer first() {
        return first;
    }

    /** The initial replica. */
    public RedisServer second() {
        return second;
    }

    @Override
    public void close() {
        sentinels.forEach(RedisServer::close);
        second.close();
        first.close();
    }
}
