package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class IdleConnectionsTest {
    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 5);
    private final IdleConnections connections = new IdleConnections(Duration.ofSeconds(4), nanos::get);

    @Test
    void aCallOnANewConnectionIsNotRepeated() {
        assertThat(connections.mayRepeat(connections.take("a"))).isFalse();
        connections.giveBack("b");
        assertThat(connections.mayRepeat(connections.take("a"))).isFalse();
    }

    @Test
    void aCallOnAPooledConnectionIsRepeatedIfItFailsAtOnce() {
        connections.giveBack("a");
        IdleConnections.Taken taken = connections.take("a");
        nanos.addAndGet(TimeUnit.SECONDS.toNanos(1));
        assertThat(connections.mayRepeat(taken)).isTrue();
        nanos.incrementAndGet();
        assertThat(connections.mayRepeat(taken)).isFalse();
    }

    @Test
    void eachConnectionIsTakenOnce() {
        connections.giveBack("a");
        connections.giveBack("a");
        assertThat(connections.take("a").pooled()).isTrue();
        assertThat(connections.take("a").pooled()).isTrue();
        assertThat(connections.take("a").pooled()).isFalse();
    }

    @Test
    void aConnectionIsKeptOnlySoLong() {
        connections.giveBack("a");
        nanos.addAndGet(TimeUnit.SECONDS.toNanos(4) + 1);
        connections.giveBack("a");
        assertThat(connections.take("a").pooled()).isTrue();
        assertThat(connections.take("a").pooled()).isFalse();
    }
}
