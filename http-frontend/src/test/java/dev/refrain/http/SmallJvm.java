package dev.refrain.http;

import static dev.refrain.testing.Await.until;

import com.fasterxml.jackson.databind.node.IntNode;
import dev.refrain.console.activity.Account;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ActivityOptions;
import dev.refrain.console.explain.Outlines;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.KeyParts;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.engine.usage.AnswerMeter;
import dev.refrain.semantics.answer.IdentifySink;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.preset.Preset;
import dev.refrain.semantics.preset.PresetDefinition;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Runs in a JVM with a heap of {@value #HEAP_MIB} MiB, for {@link SmallJvmTest}: clients and providers send as much as
 * they may, or more. The JVM ends at the first fault, above all an OutOfMemoryError.
 */
public final class SmallJvm {
    static final int HEAP_MIB = 40;
    private static final int MIB = 1 << 20;
    private static final MemoryBudget MEMORY = MemoryBudget.ofHeap();

    /** Workloads, run one after the other, so that retained memory adds up. */
    enum Work {
        /** One body with many names, then bodies with one long name each. */
        NAMES_AND_PRESETS {
            @Override
            void run() {
                Preset preset =
                        new Preset(new PresetDefinition("x", null, null, "m", null, Map.of("seed", new IntNode(1))));
                for (String body : bodiesOfNames()) {
                    require(isRefused(preset, body));
                }
                for (int i = 0; i < 1500; i++) {
                    require(!isRefused(preset, "{\"" + "n".repeat(40_000) + i + "\":1}"));
                }
            }

            private boolean isRefused(Preset preset, String body) {
                try {
                    return preset.resolve(Endpoint.CHAT, bytes(body)).length < body.length();
                } catch (IllegalArgumentException tooManyNames) {
                    return true;
                }
            }
        },
        NAMES_AND_OUTLINES {
            @Override
            void run() throws IOException {
                MemoryBudget memory = new MemoryBudget(1L << 40);
                try (ResponseCache cache = cache();
                        Outlines outlines = new Outlines(100, memory)) {
                    KeyParts parts = cache.admin()
                            .keyParts(CacheRequest.of(Endpoint.CHAT, "k", bytes("{}")))
                            .orElseThrow();
                    for (int i = 0; i < 90; i++) {
                        outlines.add(() -> parts, MIB / 2, null, 0, bytes("{\"" + "n".repeat(MIB / 2) + i + "\":1}"));
                        until(() -> memory.usedBytes() == 0);
                    }
                    require(outlines.dropped() == 0 && outlines.size() == 1);
                }
            }
        },
        NAMES_AND_PREVIOUS_IDS {
            @Override
            void run() throws IOException {
                try (ResponseCache cache = cache()) {
                    for (String body : bodiesOfNames()) {
                        String thread = "{\"model\":\"m\",\"thread\":" + body + "}";
                        CacheRequest request = CacheRequest.of(Endpoint.MESSAGES, "k", bytes(thread));
                        require(cache.pipeline().withProviderIds(request) == request);
                    }
                }
            }
        },
        /** A window of 8 MiB is accepted (RFC 9659). A larger one is refused before it is allocated. */
        ZSTD_WINDOWS {
            @Override
            void run() throws IOException {
                for (int i = 0; i < 4; i++) {
                    MemoryBudget.Reservation held = MEMORY.open();
                    require(ContentCoding.ZSTD.decode(zstd(8L * MIB, 900_000), 10 * MIB, held).length == 900_000);
                    // The result and its copy are reserved. The window has been released.
                    require(held.bytes() == 2L * (900_000 - 16 * 1024));
                    held.close();
                    // The budget has room for half of the result, and for half of its window.
                    require(isRefused(zstd(8L * MIB, 9 * MIB), MEMORY.open()));
                }
                for (long window : new long[] {9L * MIB, 16L * MIB, 128L * MIB, 1L << 31, 1L << 40}) {
                    require(isRefused(zstd(window, 900_000), MEMORY.open()));
                }
                require(MEMORY.usedBytes() == 0);
            }

            private boolean isRefused(byte[] coded, MemoryBudget.Reservation held) {
                try {
                    ContentCoding.ZSTD.decode(coded, 10 * MIB, held);
                    return false;
                } catch (IOException refused) {
                    return true;
                }
            }
        },
        /** Beginnings of bodies that are held back for an id that never comes. */
        BODIES_WITHOUT_AN_ID {
            @Override
            void run() {
                MemoryBudget memory = new MemoryBudget(8L * MIB);
                List<IdentifySink> open = new ArrayList<>();
                StringBuilder names = new StringBuilder("{\"x\":{");
                for (int i = 0; names.length() < 200 * 1024; i++) {
                    names.append("\"n").append(i).append("\":1,");
                }
                byte[] beginning = bytes(names.toString());
                for (int i = 0; i < 500; i++) {
                    IdentifySink sink = new IdentifySink(new Nobody(), memory);
                    sink.head(head(200, "application/json", -1));
                    sink.chunk(ByteBuffer.wrap(beginning).asReadOnlyBuffer());
                    open.add(sink);
                }
                require(memory.refusals() > 0);
                open.forEach(sink -> sink.fail(new IOException("over")));
                require(memory.usedBytes() == 0);
            }
        },
        /** Answers that are not stored but metered; each has an event that does not end. */
        METERS {
            @Override
            void run() {
                MemoryBudget memory = new MemoryBudget(8L * MIB);
                List<AnswerMeter> open = new ArrayList<>();
                byte[] piece = bytes("data: \"" + "x".repeat(MIB - 20) + "\"\n");
                for (int i = 0; i < 100; i++) {
                    AnswerMeter meter = new AnswerMeter(Endpoint.CHAT, memory);
                    meter.head(head(200, i % 2 == 0 ? "text/event-stream" : "application/json", -1));
                    for (int pieces = 0; pieces < 10; pieces++) {
                        meter.chunk(ByteBuffer.wrap(i % 2 == 0 ? piece : bytes("{\"a\":[" + "{},".repeat(100_000))));
                    }
                    open.add(meter);
                }
                require(memory.refusals() > 0);
                open.forEach(AnswerMeter::end);
                require(memory.usedBytes() == 0);
            }
        },
        /** A client error goes to all followers of its call, so it is kept in memory while the call has followers. */
        CLIENT_ERRORS_WITH_FOLLOWERS {
            @Override
            void run() throws IOException {
                MemoryBudget memory = new MemoryBudget(8L * MIB);
                byte[] piece = new byte[MIB / 4];
                Arrays.fill(piece, (byte) 'e');
                try (ResponseCache cache = ResponseCache.builder(Path.of("none"))
                        .store(new HeapStore(MIB))
                        .memory(memory)
                        .open()) {
                    List<ResponseSink> calls = new ArrayList<>();
                    CacheControls on = CacheControls.on(Duration.ofMinutes(1));
                    Upstream upstream = sink -> {
                        calls.add(sink);
                        return Upstream.Call.UNSTOPPABLE;
                    };
                    for (int i = 0; i < 40; i++) {
                        CacheRequest request = CacheRequest.of(Endpoint.CHAT, "k", bytes("{\"n\":" + i + "}"));
                        cache.respond(request, on, upstream, new Nobody());
                        for (int follower = 0; follower < 3; follower++) {
                            cache.respond(request, on, upstream, new Nobody());
                        }
                    }
                    require(calls.size() == 40);
                    List<ResponseSink> flights = List.copyOf(calls);
                    for (ResponseSink call : flights) {
                        call.head(head(429, "application/json", -1));
                        for (int pieces = 0; pieces < 12; pieces++) {
                            call.chunk(ByteBuffer.wrap(piece).asReadOnlyBuffer());
                        }
                    }
                    require(memory.refusals() > 0 && memory.usedBytes() > MIB);
                    flights.forEach(ResponseSink::end);
                    // Followers of errors that could not be kept have made calls of their own by now.
                    for (int i = flights.size(); i < calls.size(); i++) {
                        calls.get(i).head(head(400, "application/json", 0));
                        calls.get(i).end();
                    }
                    require(memory.usedBytes() == 0);
                }
            }
        },
        /** Requests that end faster than the log writes them, each with texts of its own. */
        LOG_OF_REQUESTS {
            @Override
            void run() {
                ActivityOptions options = ActivityOptions.of(Path.of("answers.activity"), 8L * MIB, Duration.ofDays(1));
                try (ActivityLog log = ActivityLog.open(options, Clock.systemUTC())) {
                    String text = "t".repeat(MIB);
                    for (int i = 0; i < 10_000; i++) {
                        String texts = i % 20 == 0 ? i + text : i + text.substring(0, 2000);
                        Account account = log.begin(Endpoint.CHAT);
                        account.caller(new Caller(null, "001122334455", "0011223344556677"));
                        account.request(texts, texts, false);
                        account.head(200, texts, new CacheOutcome.Miss(300, true));
                        account.served(false);
                    }
                    require(log.stats() != null);
                }
            }
        };

        abstract void run() throws Exception;
    }

    private SmallJvm() {}

    public static void main(String[] names) throws Exception {
        for (String name : names) {
            Work.valueOf(name).run();
            System.out.println(name);
        }
    }

    private static void require(boolean condition) {
        if (!condition) {
            throw new IllegalStateException("not as it should be");
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static ResponseCache cache() throws IOException {
        return ResponseCache.builder(Path.of("none")).store(new HeapStore(MIB)).open();
    }

    private static ResponseHead head(int status, String type, long length) {
        return new ResponseHead(status, type, null, length, null, null, Map.of());
    }

    /** Objects of 2 MiB: one with very many names, and some with a single name of that length. */
    private static Iterable<String> bodiesOfNames() {
        StringBuilder many = new StringBuilder("{");
        for (int i = 0; many.length() < 2 * MIB; i++) {
            many.append("\"n").append(i).append("\":1,");
        }
        String first = many + "\"x\":1}";
        return () -> java.util.stream.IntStream.range(0, 30)
                .mapToObj(i -> i == 0 ? first : "{\"" + "n".repeat(2 * MIB) + i + "\":1}")
                .iterator();
    }

    /**
     * A frame that needs a window of this size (RFC 8878, 3.1.1). The frame states a power of two as its window, and
     * any other size as the length of its content.
     */
    private static byte[] zstd(long window, int content) {
        ByteBuffer frame = ByteBuffer.allocate(MIB).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        frame.putInt(0xFD2FB528);
        if (Long.bitCount(window) == 1) {
            frame.put((byte) 0).put((byte) ((Long.numberOfTrailingZeros(window) - 10) << 3));
        } else {
            frame.put((byte) 0xE0).putLong(window);
        }
        for (int left = content; left > 0; ) {
            int length = Math.min(left, 128 * 1024);
            left -= length;
            int header = (left == 0 ? 1 : 0) | (1 << 1) | (length << 3);
            // An RLE block: one byte that stands for the whole block.
            frame.put((byte) header)
                    .put((byte) (header >> 8))
                    .put((byte) (header >> 16))
                    .put((byte) ' ');
        }
        return Arrays.copyOf(frame.array(), frame.position());
    }

    /** A client that reads everything and keeps nothing. */
    private static final class Nobody implements ResponseSink {
        @Override
        public void head(ResponseHead head) {}

        @Override
        public void chunk(ByteBuffer bytes) {}

        @Override
        public void end() {}

        @Override
        public void fail(Throwable cause) {}
    }
}
