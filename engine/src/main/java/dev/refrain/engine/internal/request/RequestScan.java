package dev.refrain.engine.internal.request;

import static dev.refrain.engine.internal.request.JsonGrammar.MALFORMED;
import static dev.refrain.engine.internal.request.JsonGrammar.isSpace;
import static dev.refrain.engine.internal.request.JsonGrammar.scalar;
import static dev.refrain.engine.internal.request.JsonGrammar.spells;
import static dev.refrain.engine.internal.request.JsonGrammar.string;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A request body, read once: whether it is one well-formed JSON object, its bytes without insignificant white space,
 * and the top-level fields that decide how it is cached (wire rules W10 to W13).
 *
 * <p>White space may be dropped only because the pass validates the whole document. Between the tokens of a well-formed
 * document there is always a structural character, so that the tokens can be told apart without the space, and equal
 * bytes without space mean equal tokens. That does not hold for anything else: <code>{"a":1 2}</code> would become
 * <code>{"a":12}</code>, and one request would get the other's answer. Hence strictness is safety here: what RFC 8259
 * does not allow is not eligible, even where parsers are lenient, and is left as it came.
 *
 * <p>The pass is iterative and linear whatever the input. Nesting is limited as Jackson limits
 * it by default. Jackson's limits on the length of names, numbers and strings are not applied,
 * as nothing is built from those here, nor is its refusal of unpaired surrogate escapes in
 * names, which RFC 8259, section 8.2 allows. So Jackson may still refuse an eligible body.
 *
 * <p>A scan refers to the scanned array instead of copying it, so it holds for as long as that stays unchanged.
 *
 * <p>Long, since whatever is learnt of a body is learnt in this one pass.
 */
public final class RequestScan {
    private static final int MAX_DEPTH = StreamReadConstraints.DEFAULT_MAX_DEPTH;
    private static final int ABSENT = -1;
    /** Most requests are shorter, and are digested in one call. */
    public static final int GATHERED_BYTES = 4096;

    /** Longer model or preset names, in bytes as spelt, do not exist; only their beginning is decoded. */
    private static final int MAX_NAME = 1024;

    private static final int SHOWN_NAME = 256;

    /** More than any provider takes. */
    private static final int MAX_MODELS = 64;

    private static final List<String> ANY_MODEL = List.of("*");

    /** Initial length of {@link #runs}. */
    private static final int FIRST_RUNS = 128;
    /**
     * Greatest length of {@link #runs}, 16 KiB. A long body may have more, a quarter of its own length: one of hardly
     * anything but white space would have four times its length otherwise.
     */
    private static final int MOST_RUNS = 4096;

    private static final int BYTES_PER_RUN_INDEX = 16;
    /** What stays of {@link #runs} when they go, as the last ones may still be taken back. */
    private static final int LAST_RUNS = 16;

    /** Decodes strings with escapes. The scan has bounded their length. */
    private static final JsonFactory STRINGS = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .build();

    /** Null if all of the body counts. */
    private IgnoredMembers ignored;
    /** What is known of the objects that are open, by their level; null where nothing is. */
    private IgnoredMembers.Node[] nodes = {};
    /** How many members of these have been kept, likewise. */
    private int[] kept = {};

    private byte[] bytes;
    private int offset;
    private int end;
    private boolean jsonObject;
    /** The closing character of each open level; the first level is 1. */
    private byte[] closing = new byte[16];

    // The normalised body: runs of the scanned bytes between which white space was dropped. The array has the index of
    // the first byte and the one after the last byte of all runs but the last, and but those that had no room in it.
    private int[] runs = {};
    private int runsLength;
    /** How much of the array is of runs that have no room in it. */
    private int runsGone;
    /** Gets the runs that have no room; null if they can go. Another scan finds them again. */
    private final RunReader reader;

    private final int fewRuns;
    private int runsBytes;
    private int runStart;
    private int runEnd;

    // Index of the opening quote of a top-level string in the scanned array, and the index after its closing quote.
    private int modelStart = ABSENT;
    private int modelEnd;
    private int presetStart = ABSENT;
    private int presetEnd;
    /** Of the value, whatever it is. */
    private int modelsStart = ABSENT;

    private boolean stream;
    private boolean background;
    private boolean conversation;
    private int previousStart = ABSENT;
    private int previousEnd;
    /** Index of the opening brace. */
    private int threadStart = ABSENT;

    /** A scan to be filled by {@link #scan}. */
    public RequestScan() {
        this(null, MOST_RUNS);
    }

    /** @param fewRuns in place of {@link #MOST_RUNS}, at least twice {@link #LAST_RUNS} */
    RequestScan(RunReader reader, int fewRuns) {
        this.reader = reader;
        this.fewRuns = fewRuns;
    }

    /** Gets the runs of a normalised body in turn. */
    interface RunReader {
        void run(int from, int to);
    }

    /**
     * Scans another request body. Everything known of the body before is discarded.
     *
     * @param body kept, neither copied nor changed
     * @param without members that are left out of the normalised form; null for none
     * @throws IndexOutOfBoundsException if the range is not within the array
     */
    public void scan(byte[] body, int from, int length, IgnoredMembers without) {
        ignored = without;
        if (without != null && nodes.length <= without.depth()) {
            nodes = new IgnoredMembers.Node[without.depth() + 1];
            kept = new int[without.depth() + 1];
        }
        Objects.checkFromIndexSize(from, length, body.length);
        bytes = body;
        offset = from;
        end = from + length;
        forget();
        jsonObject = readDocument();
        if (!jsonObject) {
            forget();
        }
    }

    /**
     * Scans a request body.
     *
     * @param bytes kept, neither copied nor changed
     * @throws IndexOutOfBoundsException if the range is not within the array
     */
    public static RequestScan of(byte[] bytes, int offset, int length) {
        return of(bytes, offset, length, null);
    }

    /**
     * The same, with members that are left out of the normalised form.
     *
     * @param without null for none
     */
    public static RequestScan of(byte[] bytes, int offset, int length, IgnoredMembers without) {
        RequestScan scan = new RequestScan();
        scan.scan(bytes, offset, length, without);
        return scan;
    }

    /**
     * Whether the body is exactly one well-formed JSON object: RFC 8259 in well-formed UTF-8 without byte order mark.
     * If not, it is not eligible; all fields are absent then, and the normalised form is the body itself.
     */
    public boolean isJsonObject() {
        return jsonObject;
    }

    /** Length of the normalised body in bytes. */
    public int normalisedLength() {
        return runsBytes + runEnd - runStart;
    }

    /**
     * Feeds the normalised body to a digest. Long runs are digested in place. Short runs are gathered first, because a
     * call of the digest costs more than some more bytes.
     *
     * @param gathered working memory; more than {@link #GATHERED_BYTES} is no faster
     * @param head number of its first bytes that are digested before the body; they are not changed
     */
    public void digest(MessageDigest digest, byte[] gathered, int head) {
        if (runsGone > 0) {
            digest.update(gathered, 0, head);
            forEachRun((from, to) -> digest.update(bytes, from, to - from));
            return;
        }
        int longRun = (gathered.length - head) / 2;
        int start = 0;
        int length = head;
        for (int n = 0; n <= runsLength; n += 2) {
            boolean isLast = n == runsLength;
            int from = isLast ? runStart : runs[n];
            int run = (isLast ? runEnd : runs[n + 1]) - from;
            if (run > longRun || run > gathered.length - length) {
                digest.update(gathered, start, length - start);
                start = head;
                length = head;
            }
            if (run > longRun) {
                digest.update(bytes, from, run);
            } else {
                System.arraycopy(bytes, from, gathered, length, run);
                length += run;
            }
        }
        digest.update(gathered, start, length - start);
    }

    /** A copy of the normalised body. */
    public byte[] normalised() {
        ByteArrayOutputStream copy = new ByteArrayOutputStream(normalisedLength());
        forEachRun((from, to) -> copy.write(bytes, from, to - from));
        return copy.toByteArray();
    }

    private void forEachRun(RunReader to) {
        RequestScan all = this;
        if (runsGone > 0) {
            all = new RequestScan(to, fewRuns);
            all.scan(bytes, offset, end - offset, ignored);
        }
        for (int n = 0; n < all.runsLength; n += 2) {
            to.run(all.runs[n], all.runs[n + 1]);
        }
        to.run(all.runStart, all.runEnd);
    }

    /** A copy of the scanned body, as it came. */
    public byte[] copy() {
        return Arrays.copyOfRange(bytes, offset, end);
    }

    /** The scanned body, as it came, read in place. */
    public InputStream input() {
        return new ByteArrayInputStream(bytes, offset, end - offset);
    }

    /** Length of the scanned body, in bytes. */
    public int length() {
        return end - offset;
    }

    /** Bytes of working memory that are kept for the next scan. */
    public int keptBytes() {
        return runs.length * Integer.BYTES;
    }

    /** Drops the reference to the scanned body. */
    public void release() {
        bytes = null;
    }

    /**
     * The value of {@code model} if that is a string, else null. Of a name longer than any real one, the beginning.
     * Decoded at each call.
     */
    public String model() {
        return decode(modelStart, modelEnd);
    }

    /**
     * The texts in the list {@code models}, OpenRouter's models to try in turn; empty if there is none. It is {@code *}
     * alone, as it may be any model, if that is no such list, has more than {@link #MAX_MODELS} elements or a name that
     * is longer than any real one. Decoded at each call.
     */
    public List<String> models() {
        if (modelsStart == ABSENT || bytes[modelsStart] == 'n') {
            return List.of();
        }
        List<String> models = new ArrayList<>(4);
        try (JsonParser parser = STRINGS.createParser(bytes, modelsStart, end - modelsStart)) {
            if (parser.nextToken() != JsonToken.START_ARRAY) {
                return ANY_MODEL;
            }
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                // Stops at an object's beginning, as the factory would keep its names.
                if (parser.currentToken() != JsonToken.VALUE_STRING
                        || models.size() == MAX_MODELS
                        || parser.getTextLength() > MAX_NAME) {
                    return ANY_MODEL;
                }
                models.add(parser.getText());
            }
            return models;
        } catch (IOException e) {
            return ANY_MODEL;
        }
    }

    /** {@link #tag} of the model, or 0 if there is none. Decodes nothing unless the model is spelt with escapes. */
    public long modelTag() {
        if (modelStart == ABSENT) {
            return 0;
        }
        if (modelEnd - modelStart > MAX_NAME) {
            return tag(bytes, modelStart + 1, modelEnd - 1);
        }
        for (int i = modelStart + 1; i < modelEnd - 1; i++) {
            if (bytes[i] == '\\') {
                return tag(model());
            }
        }
        return tag(bytes, modelStart + 1, modelEnd - 1);
    }

    /** A 64-bit hash of a name (FNV-1a). Two models with one hash would be purged together; there is no other harm. */
    public static long tag(String name) {
        byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
        return tag(utf8, 0, utf8.length);
    }

    private static long tag(byte[] name, int from, int to) {
        long hash = 0xCBF29CE484222325L;
        for (int i = from; i < to; i++) {
            hash = (hash ^ (name[i] & 0xFF)) * 0x100000001B3L;
        }
        return hash;
    }

    /** The value of {@code preset} if that is a string, else null; cut like {@link #model}. */
    public String preset() {
        return decode(presetStart, presetEnd);
    }

    /** Whether {@code stream} is {@code true}. */
    public boolean stream() {
        return stream;
    }

    /** Whether {@code background} is {@code true}. */
    public boolean background() {
        return background;
    }

    /** Whether there is a {@code conversation} other than {@code null}. */
    public boolean conversation() {
        return conversation;
    }

    /** The value of {@code previous_response_id} if that is a string, else null. */
    PreviousId previousResponse() {
        return previousStart == ABSENT
                ? null
                : PreviousId.ofString(
                        bytes, offset, end, previousStart, previousEnd, decode(previousStart, previousEnd));
    }

    /** The {@code previous_message_id} in {@code thread} if that is an object with such a string, else null. */
    PreviousId thread() {
        return threadStart == ABSENT ? null : PreviousId.inThread(bytes, offset, end, threadStart);
    }

    private boolean readDocument() {
        byte[] document = bytes;
        int last = end;
        int i = skipSpace(offset);
        runStart = i;
        if (i == last || document[i] != '{') {
            return false;
        }
        int depth = 0;
        byte close = 0;
        IgnoredMembers rules = ignored;
        while (true) {
            int nameStart = i;
            int nameEnd = i;
            // Where the normalised form ends before this member.
            int runsBefore = runsGone + runsLength;
            int bytesBefore = runsBytes;
            int startBefore = runStart;
            if (close == '}') {
                nameEnd = document[i] == '"' ? string(document, i, last) : MALFORMED;
                if (nameEnd == MALFORMED) {
                    return false;
                }
                i = nextToken(nameEnd);
                if (i == last || document[i] != ':') {
                    return false;
                }
                i = nextToken(i + 1);
                if (i == last) {
                    return false;
                }
            }
            byte first = document[i];
            boolean opens = first == '{' || first == '[';
            int valueEnd = opens ? i + 1 : scalar(document, i, last);
            if (valueEnd == MALFORMED) {
                return false;
            }
            if (depth == 1) {
                field(nameStart, nameEnd, i, valueEnd);
            }
            IgnoredMembers.Node node =
                    rules == null ? null : node(rules, depth, close == '}', document, nameStart, nameEnd);
            if (node != null && node.isIgnored()) {
                int end = opens ? container(document, i, last, depth) : valueEnd;
                if (end == MALFORMED) {
                    return false;
                }
                runsLength = runsBefore - runsGone;
                runsBytes = bytesBefore;
                runStart = startBefore;
                boolean isFirst = kept[depth] == 0;
                endRun(isFirst ? nameStart : comma(nameStart));
                i = skipSpace(end);
                if (isFirst && i < last && document[i] == ',') {
                    // No member was kept before this one, so the comma goes, too.
                    i = skipSpace(i + 1);
                    runStart = i;
                    if (i == last) {
                        return false;
                    }
                    continue;
                }
                runStart = i;
            } else {
                i = nextToken(valueEnd);
                if (opens) {
                    if (depth == MAX_DEPTH || i == last) {
                        return false;
                    }
                    close = (byte) (first + 2);
                    open(++depth, close);
                    if (rules != null && depth <= rules.depth()) {
                        nodes[depth] = first == '{' ? node : null;
                        kept[depth] = 0;
                    }
                    if (document[i] != close) {
                        continue;
                    }
                }
            }
            while (i < last && document[i] == close) {
                depth--;
                if (depth == 0) {
                    runEnd = i + 1;
                    return skipSpace(runEnd) == last;
                }
                close = closing[depth];
                i = nextToken(i + 1);
            }
            if (i == last || document[i] != ',') {
                return false;
            }
            i = nextToken(i + 1);
            if (i == last) {
                return false;
            }
        }
    }

    /**
     * What the rules know of a value: the root's, or that of a member, which is counted unless it is ignored. Null if
     * they know nothing.
     */
    private IgnoredMembers.Node node(
            IgnoredMembers rules, int depth, boolean isMember, byte[] document, int nameStart, int nameEnd) {
        if (depth == 0) {
            return rules.root();
        }
        if (!isMember || depth > rules.depth()) {
            return null;
        }
        IgnoredMembers.Node object = nodes[depth];
        IgnoredMembers.Node member = object == null ? null : object.member(document, nameStart + 1, nameEnd - 1);
        if (member == null || !member.isIgnored()) {
            kept[depth]++;
        }
        return member;
    }

    /** Where the comma before a member is. If a run has ended behind it, it is taken from that. */
    private int comma(int nameStart) {
        if (runStart < nameStart) {
            return nameStart - 1;
        }
        runs[runsLength - 1]--;
        runsBytes--;
        return nameStart;
    }

    private void endRun(int runsEnd) {
        if (runsEnd > runStart) {
            addRun(runsEnd);
        }
    }

    private void addRun(int runsEnd) {
        if (runsLength == runs.length) {
            makeRoom();
        }
        runs[runsLength++] = runStart;
        runs[runsLength++] = runsEnd;
        runsBytes += runsEnd - runStart;
    }

    private void makeRoom() {
        int most = Math.max(fewRuns, (end - offset) / BYTES_PER_RUN_INDEX & ~1);
        if (runsLength < most) {
            runs = Arrays.copyOf(runs, Math.min(most, Math.max(FIRST_RUNS, 2 * runsLength)));
            return;
        }
        int gone = runsLength - LAST_RUNS;
        for (int n = 0; reader != null && n < gone; n += 2) {
            reader.run(runs[n], runs[n + 1]);
        }
        System.arraycopy(runs, gone, runs, 0, LAST_RUNS);
        runsLength = LAST_RUNS;
        runsGone += gone;
    }

    /**
     * Where an object or array ends that is left out; {@link JsonGrammar#MALFORMED} if it is not well-formed. The same
     * grammar as in {@link #readDocument}, of which nothing is noted.
     *
     * @param depth of what it stands in
     */
    private int container(byte[] document, int start, int last, int depth) {
        int i = start;
        int level = depth;
        byte close = 0;
        while (true) {
            if (close == '}') {
                int nameEnd = document[i] == '"' ? string(document, i, last) : MALFORMED;
                i = nameEnd == MALFORMED ? last : skipSpace(nameEnd);
                if (i == last || document[i] != ':') {
                    return MALFORMED;
                }
                i = skipSpace(i + 1);
                if (i == last) {
                    return MALFORMED;
                }
            }
            byte first = document[i];
            boolean opens = first == '{' || first == '[';
            int valueEnd = opens ? i + 1 : scalar(document, i, last);
            if (valueEnd == MALFORMED) {
                return MALFORMED;
            }
            i = skipSpace(valueEnd);
            if (opens) {
                if (level == MAX_DEPTH || i == last) {
                    return MALFORMED;
                }
                close = (byte) (first + 2);
                open(++level, close);
                if (document[i] != close) {
                    continue;
                }
            }
            while (i < last && document[i] == close) {
                level--;
                if (level == depth) {
                    return i + 1;
                }
                close = closing[level];
                i = skipSpace(i + 1);
            }
            if (i == last || document[i] != ',') {
                return MALFORMED;
            }
            i = skipSpace(i + 1);
            if (i == last) {
                return MALFORMED;
            }
        }
    }

    private void open(int depth, byte close) {
        if (depth == closing.length) {
            closing = Arrays.copyOf(closing, 2 * depth);
        }
        closing[depth] = close;
    }

    /** Records a top-level field. A later field of the same name replaces it, whatever its type, as in Jackson. */
    private void field(int nameStart, int nameEnd, int valueStart, int valueEnd) {
        byte first = bytes[valueStart];
        int from = nameStart + 1;
        int to = nameEnd - 1;
        switch (bytes[from]) {
            case 'm', 's', 'p', 'b', 'c', 't', '\\' -> {}
            default -> {
                return;
            }
        }
        if (spells("model", bytes, from, to)) {
            modelStart = first == '"' ? valueStart : ABSENT;
            modelEnd = valueEnd;
        } else if (spells("models", bytes, from, to)) {
            modelsStart = valueStart;
        } else if (spells("stream", bytes, from, to)) {
            stream = first == 't';
        } else if (spells("preset", bytes, from, to)) {
            presetStart = first == '"' ? valueStart : ABSENT;
            presetEnd = valueEnd;
        } else if (spells("background", bytes, from, to)) {
            background = first == 't';
        } else if (spells("previous_response_id", bytes, from, to)) {
            previousStart = first == '"' ? valueStart : ABSENT;
            previousEnd = valueEnd;
        } else if (spells("conversation", bytes, from, to)) {
            conversation = first != 'n';
        } else if (spells("thread", bytes, from, to)) {
            threadStart = first == '{' ? valueStart : ABSENT;
        }
    }

    private int skipSpace(int from) {
        int i = from;
        while (i < end && isSpace(bytes[i])) {
            i++;
        }
        return i;
    }

    /** Returns where the next token starts, or {@link #end}; the white space before it is dropped. */
    private int nextToken(int i) {
        if (i < end && bytes[i] > ' ') {
            return i;
        }
        int next = skipSpace(i);
        if (next > i) {
            addRun(i);
            runStart = next;
        }
        return next;
    }

    /** Clears all fields, because the body turned out not to be eligible. */
    private void forget() {
        runsLength = 0;
        runsGone = 0;
        runsBytes = 0;
        runStart = offset;
        runEnd = end;
        modelStart = ABSENT;
        modelsStart = ABSENT;
        presetStart = ABSENT;
        stream = false;
        background = false;
        conversation = false;
        previousStart = ABSENT;
        threadStart = ABSENT;
    }

    private String decode(int start, int stringEnd) {
        if (start == ABSENT) {
            return null;
        }
        if (stringEnd - start > MAX_NAME) {
            return new String(bytes, start + 1, SHOWN_NAME, StandardCharsets.UTF_8) + "...";
        }
        String raw = Names.of(bytes, start + 1, stringEnd - 1);
        if (raw.indexOf('\\') < 0) {
            return raw;
        }
        try (JsonParser parser = STRINGS.createParser(bytes, start, stringEnd - start)) {
            parser.nextToken();
            return parser.getText();
        } catch (IOException e) {
            throw new UncheckedIOException("The array was changed after it was scanned", e);
        }
    }
}
