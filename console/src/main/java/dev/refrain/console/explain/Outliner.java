package dev.refrain.console.explain;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import dev.refrain.engine.KeyParts;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.regex.Pattern;

/**
 * Makes outlines. Hashes are SHA-256 under a random key that never leaves the process, cut to 64 bits. So leaked
 * outlines cannot be used to test guesses of prompts. Thread-safe.
 */
final class Outliner {
    /** The most values of a request that are compared. */
    static final int MOST_VALUES = 2048;

    private static final Pattern PLAIN = Pattern.compile("[A-Za-z_$][A-Za-z0-9_$]*");

    /** Keeps no table of names, which clients could fill, and takes texts, numbers and names of any length. */
    private static final JsonFactory JSON = JsonFactory.builder()
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNumberLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private final byte[] secret = new byte[32];
    private final PathNames names;

    Outliner(PathNames names) {
        this.names = names;
        new SecureRandom().nextBytes(secret);
    }

    /**
     * The outline of a request.
     *
     * @param id generation id of its answer, or null
     * @throws IOException if Jackson cannot parse the body
     */
    Outline outline(KeyParts parts, String id, long millis, byte[] body) throws IOException {
        int[] paths = new int[64];
        long[] hashes = new long[64];
        int count = 0;
        MessageDigest sha256 = sha256();
        Deque<Level> levels = new ArrayDeque<>();
        try (JsonParser parser = JSON.createParser(body)) {
            for (JsonToken token = parser.nextToken();
                    token != null && count < MOST_VALUES;
                    token = parser.nextToken()) {
                if (token == JsonToken.FIELD_NAME) {
                    levels.getFirst().step(parser.currentName());
                    continue;
                }
                Level level = levels.peekFirst();
                String value = null;
                if (token.isStructEnd()) {
                    Level ended = levels.removeFirst();
                    if (ended.isEmpty()) {
                        value = token.asString();
                    }
                } else {
                    if (level != null) {
                        level.stepInArray();
                    }
                    if (token.isStructStart()) {
                        levels.addFirst(new Level(level == null ? "$" : level.path(), token == JsonToken.START_ARRAY));
                    } else {
                        value = (token == JsonToken.VALUE_STRING ? "\"" : "") + parser.getText();
                    }
                }
                if (value != null) {
                    if (count == paths.length) {
                        paths = Arrays.copyOf(paths, count * 2);
                        hashes = Arrays.copyOf(hashes, count * 2);
                    }
                    Level at = levels.peekFirst();
                    String path = at == null ? "$" : at.path();
                    paths[count] = names.number(path);
                    hashes[count++] = hash(sha256, path, value);
                }
            }
        }
        return new Outline(parts, id, millis, Arrays.copyOf(paths, count), Arrays.copyOf(hashes, count));
    }

    private long hash(MessageDigest sha256, String path, String value) {
        sha256.update(secret);
        sha256.update(path.getBytes(StandardCharsets.UTF_8));
        sha256.update((byte) 0);
        return ByteBuffer.wrap(sha256.digest(value.getBytes(StandardCharsets.UTF_8)))
                .getLong();
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** An object or array that is being read, and the position in it. */
    private static final class Level {
        /**
         * Longest path in characters; a longer one is cut, and its hash appended. Longer than any path that gets a
         * number. Without a limit, the paths of all levels would take memory quadratic in their depth.
         */
        private static final int LONGEST = 4 * PathNames.LONGEST;

        private final String base;
        private final boolean isArray;
        private String name;
        private int index = -1;

        Level(String base, boolean isArray) {
            this.base = base.length() <= LONGEST ? base : base.substring(0, PathNames.LONGEST) + "#" + base.hashCode();
            this.isArray = isArray;
        }

        void step(String member) {
            name = member;
        }

        void stepInArray() {
            index += isArray ? 1 : 0;
        }

        boolean isEmpty() {
            return name == null && index < 0;
        }

        String path() {
            if (isArray) {
                return base + "[" + index + "]";
            }
            return PLAIN.matcher(name).matches()
                    ? base + "." + name
                    : base + "[\"" + name.replace("\\", "\\\\").replace("\"", "\\\"") + "\"]";
        }
    }
}
