package dev.refrain.console.activity;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.GenerationId;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * Encodes a batch of records: a version, then the records, each as LEB128 numbers and texts. A text that occurred
 * earlier in the batch is encoded as a number. An id that this server made is encoded as its time and random part.
 * docs/STORAGE-FORMAT.md is the reference.
 *
 * <p>The instance is a growing batch, which can be copied at any time. Not thread-safe. Long, since encoder and decoder
 * belong together.
 */
final class RecordCodec {
    private static final byte VERSION = 4;
    /** Version of batches whose records have no policy and no namespace. */
    private static final byte WITHOUT_POLICIES = 1;
    /** Version of batches whose records have no namespace. */
    private static final byte WITHOUT_NAMESPACES = 2;
    /** Version of batches whose records have no ids of requests. */
    private static final byte WITHOUT_REQUEST_IDS = 3;

    private static final int STREAMED = 1 << 5;
    private static final int CUT = 1 << 6;
    private static final int MINTED = 1 << 7;

    private static final int NO_SOURCE = 0;
    private static final int MINTED_SOURCE = 1;
    private static final int OTHER_SOURCE = 2;
    /** Bytes of {@link dev.refrain.engine.CacheKey#shortDigest}. */
    private static final int SHORT_DIGEST = 6;

    private static final int SECONDS_AT = 4;
    private static final int RANDOM_AT = 15;

    /** All endpoints, in the order of their numbers in the file. */
    static final List<Endpoint> ENDPOINTS =
            List.of(Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.MESSAGES, Endpoint.EMBEDDINGS);

    private byte[] bytes = new byte[32 * 1024];
    private int length;
    private int records;
    private long lastMillis;
    private final Map<String, Integer> texts = new HashMap<>();

    RecordCodec() {
        clear();
    }

    /** Begins a new batch. */
    void clear() {
        bytes[0] = VERSION;
        length = 1;
        records = 0;
        lastMillis = 0;
        texts.clear();
    }

    int records() {
        return records;
    }

    int length() {
        return length;
    }

    byte[] copy() {
        return Arrays.copyOf(bytes, length);
    }

    // ---- writing

    /** Appends a record; its sequence follows from its place in the batch. */
    void add(Facts facts) {
        byte[] id = facts.id();
        boolean minted = isMinted(id);
        Cost cost = facts.cost();
        begin(facts.outcome(), facts.endpoint(), facts.streamed(), facts.cut(), minted, facts.createdAtMillis());
        if (minted) {
            minted(id);
        } else {
            text(id == null ? null : new String(id, StandardCharsets.UTF_8));
        }
        text(facts.model());
        text(facts.preset());
        text(facts.scope());
        text(facts.scopeTag());
        text(facts.reason());
        source(facts.sourceId());
        number(facts.keyBits());
        number(facts.status());
        number(facts.durationNanos() / 1000);
        number(facts.latencyNanos() / 1000);
        number(facts.bytes());
        number(cost.promptTokens() + 1);
        number(cost.completionTokens() + 1);
        number(cost.tokensSaved());
        number(cost.millisSaved());
        number(cost.moneySavedNanos() + 1);
        number(cost.costNanos() + 1);
        text(facts.finishReason());
        text(facts.policy());
        text(facts.namespace());
        requestId(facts.requestId());
        records++;
    }

    private void begin(
            Outcome outcome, Endpoint endpoint, boolean streamed, boolean cut, boolean minted, long createdAtMillis) {
        room(64);
        bytes[length++] = (byte) (outcome.number()
                | ENDPOINTS.indexOf(endpoint) << 3
                | (streamed ? STREAMED : 0)
                | (cut ? CUT : 0)
                | (minted ? MINTED : 0));
        long delta = createdAtMillis - lastMillis;
        number(delta << 1 ^ delta >> 63);
        lastMillis = createdAtMillis;
    }

    /** Whether an id has the form of wire rule W24. */
    static boolean isMinted(String id) {
        return id != null && isMinted(id.getBytes(StandardCharsets.UTF_8));
    }

    /** Whether an id in UTF-8 has the form of wire rule W24. */
    static boolean isMinted(byte[] id) {
        if (id == null
                || id.length != GenerationId.LENGTH
                || id[0] != 'g'
                || id[1] != 'e'
                || id[2] != 'n'
                || id[3] != '-'
                || id[RANDOM_AT - 1] != '-') {
            return false;
        }
        for (int i = SECONDS_AT; i < RANDOM_AT - 1; i++) {
            if (id[i] < '0' || id[i] > '9') {
                return false;
            }
        }
        for (int i = RANDOM_AT; i < GenerationId.LENGTH; i++) {
            if (id[i] < 0) {
                return false;
            }
        }
        return true;
    }

    /** The time in an id that this server made, in seconds since the epoch. */
    static long seconds(String mintedId) {
        return Long.parseLong(mintedId, SECONDS_AT, RANDOM_AT - 1, 10);
    }

    /** The time in an id in UTF-8 that this server made, in seconds since the epoch. */
    static long seconds(byte[] mintedId) {
        long seconds = 0;
        for (int i = SECONDS_AT; i < RANDOM_AT - 1; i++) {
            seconds = seconds * 10 + mintedId[i] - '0';
        }
        return seconds;
    }

    private void minted(byte[] id) {
        long delta = seconds(id) - lastMillis / 1000;
        number(delta << 1 ^ delta >> 63);
        append(id, RANDOM_AT);
    }

    /** Writes a source id in full: source ids repeat too rarely for numbers in their place to pay. */
    private void source(byte[] id) {
        if (id == null) {
            number(NO_SOURCE);
        } else if (isMinted(id)) {
            number(MINTED_SOURCE);
            minted(id);
        } else {
            number(OTHER_SOURCE);
            number(id.length);
            append(id, 0);
        }
    }

    /** Writes 0 if the request has the response's id, else the id's length plus 1, and the id. */
    private void requestId(byte[] id) {
        number(id == null ? 0 : id.length + 1);
        if (id != null) {
            append(id, 0);
        }
    }

    /** Writes 0 for no text, else the number of the text, and after a new number the text itself. */
    private void text(String text) {
        if (text == null) {
            number(0);
        } else if (!known(text)) {
            utf8(text);
        }
    }

    private boolean known(String text) {
        Integer next = texts.size() + 1;
        Integer number = texts.putIfAbsent(text, next);
        number(number == null ? next : number);
        return number != null;
    }

    private void utf8(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        number(utf8.length);
        append(utf8, 0);
    }

    private void append(byte[] source, int from) {
        int count = source.length - from;
        room(count);
        System.arraycopy(source, from, bytes, length, count);
        length += count;
    }

    private void number(long value) {
        room(10);
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            bytes[length++] = (byte) (rest | 0x80);
            rest >>>= 7;
        }
        bytes[length++] = (byte) rest;
    }

    private void room(int more) {
        if (length + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(length + more, bytes.length * 2));
        }
    }

    // ---- reading

    /**
     * The records of a batch, oldest first.
     *
     * @throws IllegalArgumentException if the bytes are no batch
     */
    static List<Activity> decode(byte[] batch, long firstSequence) {
        try {
            return new Reader(ByteBuffer.wrap(batch)).records(firstSequence);
        } catch (BufferUnderflowException | IndexOutOfBoundsException e) {
            throw new IllegalArgumentException("not a batch of records", e);
        }
    }

    private static final class Reader {
        private final ByteBuffer in;
        private final List<String> texts = new ArrayList<>();
        private long lastMillis;
        private byte version;

        Reader(ByteBuffer in) {
            this.in = in;
        }

        List<Activity> records(long firstSequence) {
            version = in.get();
            if (version < WITHOUT_POLICIES || version > VERSION) {
                throw new IllegalArgumentException("a batch of another version");
            }
            List<Activity> records = new ArrayList<>();
            while (in.hasRemaining()) {
                records.add(next(firstSequence + records.size()));
            }
            return records;
        }

        private Activity next(long sequence) {
            int flags = in.get();
            lastMillis += zigzag();
            String id = (flags & MINTED) != 0 ? minted() : text();
            String model = text();
            String preset = text();
            String scope = text();
            String tag = text();
            String reason = text();
            String sourceId = source();
            String key = key();
            return new Activity(
                    sequence,
                    id,
                    lastMillis,
                    ENDPOINTS.get(flags >> 3 & 3),
                    model,
                    preset,
                    scope,
                    tag,
                    (flags & STREAMED) != 0,
                    (int) number(),
                    Outcome.ALL.get(flags & 7),
                    reason,
                    sourceId,
                    key,
                    number(),
                    number(),
                    number(),
                    number() - 1,
                    number() - 1,
                    number(),
                    number(),
                    number() - 1,
                    number() - 1,
                    text(),
                    (flags & CUT) != 0,
                    version == WITHOUT_POLICIES ? null : text(),
                    version <= WITHOUT_NAMESPACES ? null : text(),
                    version <= WITHOUT_REQUEST_IDS ? null : requestId(id));
        }

        private String requestId(String responseId) {
            long length = number();
            return length == 0 ? responseId : utf8(length - 1);
        }

        private String minted() {
            long seconds = lastMillis / 1000 + zigzag();
            byte[] random = new byte[GenerationId.LENGTH - RANDOM_AT];
            in.get(random);
            if (seconds < 0 || seconds > 9_999_999_999L) {
                throw new IllegalArgumentException("an id whose time is out of range");
            }
            String digits = Long.toString(10_000_000_000L + seconds).substring(1);
            return "gen-" + digits + "-" + new String(random, StandardCharsets.ISO_8859_1);
        }

        private String source() {
            long form = number();
            if (form == NO_SOURCE) {
                return null;
            } else if (form == MINTED_SOURCE) {
                return minted();
            } else if (form == OTHER_SOURCE) {
                return utf8();
            }
            throw new IllegalArgumentException("a source of an unknown form");
        }

        private String key() {
            long bits = number();
            if (bits < 0 || bits > 1L << (SHORT_DIGEST * 8)) {
                throw new IllegalArgumentException("a digest that is too long");
            }
            return bits == 0 ? null : HexFormat.of().toHexDigits(bits - 1, SHORT_DIGEST * 2);
        }

        private String utf8() {
            return utf8(number());
        }

        private String utf8(long length) {
            if (length < 0 || length > in.remaining()) {
                throw new IllegalArgumentException("a text longer than its batch");
            }
            byte[] utf8 = new byte[(int) length];
            in.get(utf8);
            return new String(utf8, StandardCharsets.UTF_8);
        }

        private String text() {
            long number = number();
            if (number == 0) {
                return null;
            }
            if (number == texts.size() + 1L) {
                texts.add(utf8());
            } else if (number < 0 || number > texts.size()) {
                throw new IllegalArgumentException("the number of a text that its batch does not have");
            }
            return texts.get((int) number - 1);
        }

        private long zigzag() {
            long coded = number();
            return coded >>> 1 ^ -(coded & 1);
        }

        private long number() {
            long value = 0;
            for (int shift = 0; shift < 64; shift += 7) {
                byte b = in.get();
                value |= (b & 0x7FL) << shift;
                if (b >= 0) {
                    return value;
                }
            }
            throw new IllegalArgumentException("a number of too many bytes");
        }
    }
}
