package dev.refrain.http.upstream;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts the websockets to providers and their bytes, and logs each when it ends. Thread-safe. */
public final class Tunnels {
    private static final Logger LOG = LoggerFactory.getLogger(Tunnels.class);

    private final AtomicInteger open = new AtomicInteger();
    private final LongAdder sent = new LongAdder();
    private final LongAdder received = new LongAdder();

    private final LongSupplier nanoTime;

    Tunnels(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** One websocket; used by one thread at a time. */
    final class Tunnel {
        private final long startNanos = nanoTime.getAsLong();
        private final String url;
        private long bytesSent;
        private long bytesReceived;

        private Tunnel(String url) {
            this.url = url;
        }

        void sent(int bytes) {
            bytesSent += bytes;
            sent.add(bytes);
        }

        void received(int bytes) {
            bytesReceived += bytes;
            received.add(bytes);
        }

        void close() {
            open.decrementAndGet();
            LOG.info(
                    "{}: 101, a websocket of {} ms, {} bytes to the provider and {} from it",
                    url,
                    TimeUnit.NANOSECONDS.toMillis(nanoTime.getAsLong() - startNanos),
                    bytesSent,
                    bytesReceived);
        }
    }

    /** The provider has agreed to a websocket. {@link Tunnel#close} must follow. */
    Tunnel open(UpstreamRequest request) {
        open.incrementAndGet();
        // Without the query, which may hold a credential.
        return new Tunnel(request.origin() + request.target().split("\\?", 2)[0]);
    }

    /** Number of open websockets. */
    public int open() {
        return open.get();
    }

    /** Bytes sent over all websockets, by direction. */
    public Map<String, LongAdder> bytes() {
        return Map.of("to-provider", sent, "from-provider", received);
    }
}
