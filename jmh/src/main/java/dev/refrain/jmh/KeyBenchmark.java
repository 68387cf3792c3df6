package dev.refrain.jmh;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** From a request's bytes to its key: by parsing and hashing it, or by recognising a repeated request. */
public class KeyBenchmark extends MeasuredInForks {
    /** A conversation of some turns. */
    @State(Scope.Benchmark)
    public static class Conversation {
        private static final int TURN = 600;

        @Param({"1024", "16384", "131072"})
        private int requestBytes;

        @Param({"compact", "pretty"})
        private String layout;

        private byte[] body;
        private CacheRequest read;

        @Setup(Level.Trial)
        public void write() {
            boolean pretty = layout.equals("pretty");
            StringBuilder json =
                    new StringBuilder("{\"model\":\"acme/large-2026\",\"stream\":false,\"temperature\":0.2,"
                            + "\"max_tokens\":1024,\"messages\":[{\"role\":\"system\",\"content\":\"Answer in "
                            + "plain English.\"}");
            for (int turn = 0; json.length() < requestBytes * (pretty ? 0.85 : 0.95); turn++) {
                int left = Math.min(TURN, requestBytes - json.length());
                json.append(",{\"role\":\"")
                        .append(turn % 2 == 0 ? "user" : "assistant")
                        .append("\",\"content\":\"")
                        .append(EnglishText.of(turn, Math.max(16, left - 40)))
                        .append("\"}");
            }
            json.append("],\"user\":\"c8f0b7a2\"}");
            body = (pretty ? indented(json) : json.toString()).getBytes(StandardCharsets.US_ASCII);
            read = CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, body);
            if (!read.isJsonObject()) {
                throw new IllegalStateException("No request: " + json);
            }
        }

        byte[] body() {
            return body;
        }

        /** The document as Python's {@code json.dumps(indent=2)} writes it. */
        private static String indented(CharSequence json) {
            StringBuilder out = new StringBuilder();
            int depth = 0;
            boolean inString = false;
            for (int i = 0; i < json.length(); i++) {
                char c = json.charAt(i);
                if (inString) {
                    out.append(c);
                    if (c == '\\') {
                        out.append(json.charAt(++i));
                    } else if (c == '"') {
                        inString = false;
                    }
                } else {
                    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
                    if (c == '}' || c == ']') {
                        out.append('\n').append("  ".repeat(depth));
                    }
                    out.append(c).append(c == ':' ? " " : "");
                    if (c == '{' || c == '[' || c == ',') {
                        out.append('\n').append("  ".repeat(depth));
                    }
                    inString = c == '"';
                }
            }
            return out.toString();
        }
    }

    /** A cache that does not remember requests, and one that does. */
    @State(Scope.Benchmark)
    public static class Caches {
        private TemporaryCache forgetful;
        private TemporaryCache mindful;

        @Setup(Level.Trial)
        public void open() throws IOException {
            forgetful = new TemporaryCache(16L << 20, builder -> builder.memoBytes(0));
            mindful = new TemporaryCache(16L << 20, builder -> builder.memoBytes(8L << 20));
        }

        @TearDown(Level.Trial)
        public void close() throws IOException {
            forgetful.close();
            mindful.close();
        }
    }

    /** Parses and hashes the request. */
    @Benchmark
    public CacheKey key(Caches caches, Conversation conversation) {
        return key(caches.forgetful, conversation);
    }

    /** Hashes a request that is parsed already: the time of a key without parsing. */
    @Benchmark
    public CacheKey digested(Caches caches, Conversation conversation) {
        return caches.forgetful.cache().key(conversation.read).orElseThrow();
    }

    /** Recognises a request that repeats an earlier one byte for byte. */
    @Benchmark
    public CacheKey repeated(Caches caches, Conversation conversation) {
        return key(caches.mindful, conversation);
    }

    /** The floor: SHA-256 of the body. */
    @Benchmark
    public byte[] sha256(Conversation conversation, Digests digests) {
        return digests.sha256(conversation.body);
    }

    private static CacheKey key(TemporaryCache keys, Conversation conversation) {
        CacheRequest request = CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, conversation.body);
        return keys.cache().key(request).orElseThrow();
    }
}
