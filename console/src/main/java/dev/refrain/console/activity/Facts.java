package dev.refrain.console.activity;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.caller.Caller;
import java.nio.charset.StandardCharsets;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * The facts of an ended request, and their encoding in the queue. The thread on which the request ended writes them in
 * sequence, while they are in its processor's cache, and the log reads them in sequence. Objects instead of bytes would
 * cost the reader a cache miss each.
 *
 * <p>The instance belongs to the reader, which reuses it for each request.
 */
final class Facts {
    // Offsets; the numbers come first, so that they are aligned.
    private static final int END_MILLIS = 0;
    private static final int DURATION_NANOS = 8;
    private static final int LATENCY_NANOS = 16;
    private static final int BYTES = 24;
    private static final int PROMPT_TOKENS = 32;
    private static final int COMPLETION_TOKENS = 40;
    private static final int TOKENS_USED = 48;
    private static final int TOKENS_SAVED = 56;
    private static final int MILLIS_SAVED = 64;
    private static final int MONEY_SAVED = 72;
    private static final int COST = 80;
    private static final int KEY = 88;
    private static final int STATUS = 96;
    private static final int FLAGS = 100;
    /** The numbers that {@link Texts} gave the texts. Texts without a number follow the ids. */
    private static final int TEXTS = 104;

    private static final int ID_LENGTH = 136;
    private static final int SOURCE_LENGTH = 140;
    private static final int REQUEST_LENGTH = 144;
    private static final int IDS = 152;

    private static final int STREAMED = 1 << 8;
    private static final int CUT = 1 << 9;

    private static final int MODEL = 0;
    private static final int PRESET = 1;
    private static final int SCOPE = 2;
    private static final int TAG = 3;
    private static final int REASON = 4;
    private static final int FINISH_REASON = 5;
    private static final int POLICY = 6;
    private static final int NAMESPACE = 7;
    private static final int TEXT_COUNT = 8;

    /** Longer ids and names are cut to this length. */
    static final int LONGEST_TEXT = 300;

    private static final byte[] NOTHING = new byte[0];

    private Endpoint endpoint;
    private Outcome outcome;
    private boolean streamed;
    private boolean cut;
    private int status;
    private long endMillis;
    private long durationNanos;
    private long latencyNanos;
    private long bytes;
    private long keyBits;
    private Cost cost;
    private byte[] id;
    private byte[] sourceId;
    private byte[] requestId;
    private final String[] texts = new String[TEXT_COUNT];

    // ---- into the queue

    /** The encoder of one request: its texts, and the length of its encoding. Used on one thread. */
    static final class Outgoing {
        private final Account account;
        private final Cost cost;
        private final byte[] id;
        private final byte[] sourceId;
        private final byte[] requestId;
        private final int[] numbers = new int[TEXT_COUNT];
        private byte[][] unnumbered;
        private int length;

        Outgoing(Account account, Cost cost, Texts texts) {
            this.account = account;
            this.cost = cost;
            id = utf8(account.id());
            sourceId = utf8(account.sourceId());
            requestId = utf8(account.ownRequestId());
            length = IDS + id.length + sourceId.length + requestId.length;
            Caller caller = account.caller();
            number(texts, MODEL, account.model());
            number(texts, PRESET, account.preset());
            number(texts, SCOPE, caller == null ? null : caller.label());
            number(texts, TAG, caller == null ? null : caller.tag());
            number(texts, REASON, account.reason());
            number(texts, FINISH_REASON, account.finishReason());
            number(texts, POLICY, account.policy());
            number(texts, NAMESPACE, account.namespace());
        }

        private static byte[] utf8(String text) {
            return text == null ? NOTHING : shortened(text).getBytes(StandardCharsets.UTF_8);
        }

        private static String shortened(String text) {
            return text.length() <= LONGEST_TEXT ? text : text.substring(0, LONGEST_TEXT);
        }

        private void number(Texts texts, int which, String text) {
            int number = texts.number(text);
            numbers[which] = number;
            if (number == Texts.UNNUMBERED) {
                unnumbered = unnumbered == null ? new byte[TEXT_COUNT][] : unnumbered;
                unnumbered[which] = utf8(text);
                length += Integer.BYTES + unnumbered[which].length;
            }
        }

        int length() {
            return length;
        }

        void write(MutableDirectBuffer to, int at) {
            to.putLong(at + END_MILLIS, account.endMillis());
            to.putLong(at + DURATION_NANOS, account.durationNanos());
            to.putLong(at + LATENCY_NANOS, account.latencyNanos());
            to.putLong(at + BYTES, account.bytes());
            to.putLong(at + PROMPT_TOKENS, cost.promptTokens());
            to.putLong(at + COMPLETION_TOKENS, cost.completionTokens());
            to.putLong(at + TOKENS_USED, cost.tokensUsed());
            to.putLong(at + TOKENS_SAVED, cost.tokensSaved());
            to.putLong(at + MILLIS_SAVED, cost.millisSaved());
            to.putLong(at + MONEY_SAVED, cost.moneySavedNanos());
            to.putLong(at + COST, cost.costNanos());
            to.putLong(at + KEY, keyBits(account.key()));
            to.putInt(at + STATUS, account.status());
            to.putInt(
                    at + FLAGS,
                    account.outcome().number()
                            | RecordCodec.ENDPOINTS.indexOf(account.endpoint()) << 4
                            | (account.streamed() ? STREAMED : 0)
                            | (account.cut() ? CUT : 0));
            for (int i = 0; i < TEXT_COUNT; i++) {
                to.putInt(at + TEXTS + i * Integer.BYTES, numbers[i]);
            }
            to.putInt(at + ID_LENGTH, account.id() == null ? -1 : id.length);
            to.putInt(at + SOURCE_LENGTH, account.sourceId() == null ? -1 : sourceId.length);
            to.putInt(at + REQUEST_LENGTH, account.ownRequestId() == null ? -1 : requestId.length);
            to.putBytes(at + IDS, id);
            to.putBytes(at + IDS + id.length, sourceId);
            to.putBytes(at + IDS + id.length + sourceId.length, requestId);
            if (unnumbered != null) {
                writeUnnumbered(to, at + IDS + id.length + sourceId.length + requestId.length);
            }
        }

        private void writeUnnumbered(MutableDirectBuffer to, int start) {
            int at = start;
            for (byte[] text : unnumbered) {
                if (text != null) {
                    to.putInt(at, text.length);
                    to.putBytes(at + Integer.BYTES, text);
                    at += Integer.BYTES + text.length;
                }
            }
        }

        /** The bits of {@link CacheKey#shortDigest}, plus 1; 0 for no key. */
        private static long keyBits(CacheKey key) {
            return key == null ? 0 : key.shortBits() + 1;
        }
    }

    // ---- out of the queue

    void read(DirectBuffer from, int at, Texts numbered) {
        int flags = from.getInt(at + FLAGS);
        outcome = Outcome.ALL.get(flags & 0xF);
        endpoint = RecordCodec.ENDPOINTS.get(flags >> 4 & 0xF);
        streamed = (flags & STREAMED) != 0;
        cut = (flags & CUT) != 0;
        status = from.getInt(at + STATUS);
        endMillis = from.getLong(at + END_MILLIS);
        durationNanos = from.getLong(at + DURATION_NANOS);
        latencyNanos = from.getLong(at + LATENCY_NANOS);
        bytes = from.getLong(at + BYTES);
        keyBits = from.getLong(at + KEY);
        cost = new Cost(
                from.getLong(at + PROMPT_TOKENS),
                from.getLong(at + COMPLETION_TOKENS),
                from.getLong(at + TOKENS_USED),
                from.getLong(at + TOKENS_SAVED),
                from.getLong(at + MILLIS_SAVED),
                from.getLong(at + MONEY_SAVED),
                from.getLong(at + COST));
        int idLength = from.getInt(at + ID_LENGTH);
        int sourceLength = from.getInt(at + SOURCE_LENGTH);
        id = bytes(from, at + IDS, idLength, id);
        int afterId = at + IDS + Math.max(0, idLength);
        sourceId = bytes(from, afterId, sourceLength, sourceId);
        int afterSource = afterId + Math.max(0, sourceLength);
        int requestLength = from.getInt(at + REQUEST_LENGTH);
        requestId = bytes(from, afterSource, requestLength, requestId);
        int rest = afterSource + Math.max(0, requestLength);
        for (int i = 0; i < TEXT_COUNT; i++) {
            int number = from.getInt(at + TEXTS + i * Integer.BYTES);
            if (number == Texts.UNNUMBERED) {
                texts[i] =
                        new String(bytes(from, rest + Integer.BYTES, from.getInt(rest), null), StandardCharsets.UTF_8);
                rest += Integer.BYTES + from.getInt(rest);
            } else {
                texts[i] = numbered.text(number);
            }
        }
    }

    /** Nearly all ids have the same length, so the array of the last one is reused. */
    private static byte[] bytes(DirectBuffer from, int at, int length, byte[] last) {
        if (length < 0) {
            return null;
        }
        byte[] bytes = last != null && last.length == length ? last : new byte[length];
        from.getBytes(at, bytes);
        return bytes;
    }

    Endpoint endpoint() {
        return endpoint;
    }

    Outcome outcome() {
        return outcome;
    }

    boolean streamed() {
        return streamed;
    }

    boolean cut() {
        return cut;
    }

    int status() {
        return status;
    }

    boolean isError() {
        return status >= 400 || cut;
    }

    long endMillis() {
        return endMillis;
    }

    long createdAtMillis() {
        return endMillis - durationNanos / 1_000_000;
    }

    long durationNanos() {
        return durationNanos;
    }

    long latencyNanos() {
        return latencyNanos;
    }

    long bytes() {
        return bytes;
    }

    Cost cost() {
        return cost;
    }

    /** The first 48 bits of the key's digest, plus 1; 0 for no key. */
    long keyBits() {
        return keyBits;
    }

    /** Generation id of the response in UTF-8, or null; good until the next request is read. */
    byte[] id() {
        return id;
    }

    /** Generation id of the answer that was repeated in UTF-8, or null; good until the next request is read. */
    byte[] sourceId() {
        return sourceId;
    }

    /** The request's own id in UTF-8; null if it has the response's, or none; good until the next request is read. */
    byte[] requestId() {
        return requestId;
    }

    String model() {
        return texts[MODEL];
    }

    String preset() {
        return texts[PRESET];
    }

    String scope() {
        return texts[SCOPE];
    }

    String scopeTag() {
        return texts[TAG];
    }

    String reason() {
        return texts[REASON];
    }

    /** As the provider said it; null also for an answer that was not fetched. */
    String finishReason() {
        return texts[FINISH_REASON];
    }

    /** Name of the policy that held for the request, or null. */
    String policy() {
        return texts[POLICY];
    }

    /** The namespace that the request named, or null. */
    String namespace() {
        return texts[NAMESPACE];
    }
}
