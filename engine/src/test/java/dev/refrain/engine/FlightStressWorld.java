package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.utf8;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.spi.HeapStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One key, its flights and its provider: the state of the jcstress tests. The tests create millions of these worlds, so
 * all worlds share one cache.
 */
final class FlightStressWorld {
    private static final String EVENT = "data: {\"n\":%d}\n\n";
    private static final String DONE = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    private static final String WHOLE = EVENT.formatted(1) + EVENT.formatted(2) + DONE;
    private static final ResponseCache CACHE = open();
    private static final AtomicLong KEYS = new AtomicLong();

    /** Every call counts as silent at once, so whether it can be joined depends only on its clients. */
    private static final UpstreamCalls SILENT = new UpstreamCalls(Duration.ofHours(1), false, 0);

    private final Flights flights = new Flights();
    private final Coalescer coalescer = new Coalescer(CACHE.answers(), flights, SILENT);
    private final CacheKey key;
    private final List<ResponseSink> calls = new ArrayList<>();

    FlightStressWorld() {
        byte[] digest = new byte[CacheKey.LENGTH];
        ByteBuffer.wrap(digest).putLong(KEYS.getAndIncrement());
        key = new CacheKey(Endpoint.CHAT, true, digest, 0);
    }

    /** A key whose scope is known. */
    static CacheKey scopedKey() {
        return CACHE.key(CacheRequest.of(Endpoint.CHAT, "sk-one", utf8("{}"))).orElseThrow();
    }

    private static ResponseCache open() {
        try {
            return ResponseCache.builder(Path.of("unused"))
                    .store(new HeapStore(1L << 30))
                    .open();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Sends a request that missed, and returns its client. */
    Client ask() {
        Client client = new Client();
        Upstream upstream = sink -> {
            synchronized (calls) {
                calls.add(sink);
            }
            return Upstream.Call.UNSTOPPABLE;
        };
        coalescer.fetch(new MissedRequest(
                key, CacheControls.on(Duration.ofMinutes(5)), ForwardReason.MISS, upstream, new GuardedSink(client)));
        return client;
    }

    /** The provider begins to answer its first call. */
    void begin() {
        calls.get(0).head(new ResponseHead(200, "text/event-stream", null, -1, "gen-source", null, Map.of()));
        send(EVENT.formatted(1));
    }

    /** The provider sends the rest of its answer to the first call. */
    void finish() {
        send(EVENT.formatted(2));
        send(DONE);
        calls.get(0).end();
    }

    void fail() {
        calls.get(0).fail(new IOException("reset"));
    }

    private void send(String text) {
        calls.get(0).chunk(ByteBuffer.wrap(utf8(text)));
    }

    /** The outcome of each client, calls and flights. Removes the entry, so that nothing stays in the cache. */
    String outcome(Client... clients) {
        StringBuilder outcome = new StringBuilder();
        for (Client client : clients) {
            outcome.append(client.outcome()).append(", ");
        }
        CACHE.remove(key);
        return outcome + (calls.size() + " calls, ") + (flights.size() + " flights");
    }

    /** A client that reads everything at once, until {@link #stopTaking}. */
    static final class Client extends RecordingSink {
        private volatile Runnable waiting;
        private volatile boolean greedy = true;
        private volatile boolean left;

        /** Makes the client look as if it had left. */
        void leave() {
            left = true;
        }

        @Override
        public boolean hasReader() {
            return !left;
        }

        /** From here on the client reads only when told to. */
        void stopTaking() {
            greedy = false;
        }

        @Override
        public void whenDrained(Runnable action) {
            if (greedy) {
                action.run();
            } else {
                waiting = action;
            }
        }

        void take() {
            greedy = true;
            Runnable action = waiting;
            if (action != null) {
                waiting = null;
                action.run();
            }
        }

        String outcome() {
            return failure != null ? "failed" : !ended ? "waits" : text().equals(WHOLE) ? "whole" : "got " + text();
        }
    }
}
