package dev.refrain.engine.internal.request;

import static dev.refrain.engine.internal.request.JsonGrammar.MALFORMED;
import static dev.refrain.engine.internal.request.JsonGrammar.isSpace;
import static dev.refrain.engine.internal.request.JsonGrammar.scalar;
import static dev.refrain.engine.internal.request.JsonGrammar.string;

import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Objects;

/**
 * A request body, read once: whether it is one well-formed JSON object, its bytes without insignificant white space
 * (wire rules W10 to W13), and its {@link TopLevelFields}.
 *
 * <p>White space may be dropped only because the pass validates the whole document. In a well-formed document a
 * structural character separates any two scalars, so equal bytes without white space mean equal tokens. In other
 * documents that is not so: <code>{"a":1 2}</code> would become <code>{"a":12}</code>, and one request would get the
 * other's answer. So a body that RFC 8259 does not allow is not eligible, even where parsers are lenient, and is
 * forwarded unchanged.
 *
 * <p>The pass is iterative and linear whatever the input. Nesting is limited as Jackson limits it by default. Jackson's
 * limits on the length of names, numbers and strings are not applied, because the pass builds no objects from them.
 * Unpaired surrogate escapes in names are accepted, because RFC 8259, section 8.2 allows them; Jackson refuses them. So
 * Jackson may still refuse an eligible body.
 *
 * <p>A scan refers to the scanned array instead of copying it, so it is valid as long as the array is unchanged.
 *
 * <p>Long, since one pass both checks the grammar and finds the normalised form.
 */
public final class RequestScan {
    private static final int MAX_DEPTH = StreamReadConstraints.DEFAULT_MAX_DEPTH;
    /** Length of a buffer for {@link #digest}. Most bodies are shorter and are digested in one call. */
    public static final int GATHERED_BYTES = 4096;

    /** Initial length of {@link #runs}. */
    private static final int FIRST_RUNS = 128;
    /**
     * Limit of the length of {@link #runs}, which is 16 KiB. For a long body the limit is higher: the array may take a
     * quarter of the body's bytes. Without a limit, the array for a body with much white space could take four times
     * the body's bytes.
     */
    private static final int MOST_RUNS = 4096;

    private static final int BYTES_PER_RUN_INDEX = 16;
    /**
     * Number of elements of {@link #runs} that are kept when the earlier ones are dropped. The last runs must be there,
     * because the scan goes back over them if it leaves out a member.
     */
    private static final int LAST_RUNS = 16;

    /** Null if no member is ignored. */
    private IgnoredMembers ignored;
    /** The nodes of the open objects by level; null at a level through which no path leads. */
    private IgnoredMembers.Node[] nodes = {};
    /** The number of members that were kept so far of each open object, by level. */
    private int[] kept = {};

    private final TopLevelFields fields = new TopLevelFields();

    private byte[] bytes;
    private int offset;
    private int end;
    private boolean jsonObject;
    /** The closing character of each open level; the first level is 1. */
    private byte[] closing = new byte[16];

    // The normalised body is a list of runs: ranges of the scanned bytes with white space between them. The array has
    // for each run the index of its first byte and the index after its last. The last run is in runStart and runEnd.
    // If there is no room for all runs, the first ones are dropped, and a second scan finds them again.
    private int[] runs = {};
    private int runsLength;
    /** Number of elements that the dropped runs had in the array. */
    private int runsGone;
    /** Receives each run before it is dropped; null in a first scan. */
    private final RunReader reader;

    private final int fewRuns;
    private int runsBytes;
    private int runStart;
    private int runEnd;

    /** A scan to be filled by {@link #scan}. */
    public RequestScan() {
        this(null, MOST_RUNS);
    }

    /** @param fewRuns used in place of {@link #MOST_RUNS}; at least twice {@link #LAST_RUNS} */
    RequestScan(RunReader reader, int fewRuns) {
        this.reader = reader;
        this.fewRuns = fewRuns;
    }

    /** Receives the runs of a normalised body in order. */
    interface RunReader {
        void run(int from, int to);
    }

    /**
     * Scans another request body, and discards the results of the last one.
     *
     * @param body the array is kept, and neither copied nor changed
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
        fields.begin(body, from, end);
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
     * Scans a request body, with members that are left out of the normalised form.
     *
     * @param without null for none
     */
    public static RequestScan of(byte[] bytes, int offset, int length, IgnoredMembers without) {
        RequestScan scan = new RequestScan();
        scan.scan(bytes, offset, length, without);
        return scan;
    }

    /**
     * Whether the body is exactly one well-formed JSON object: RFC 8259 in well-formed UTF-8 without a byte order mark.
     * If not, the body is not eligible, all fields are absent, and the normalised form is the body itself.
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
     * call of the digest costs more than a copy.
     *
     * @param gathered a buffer; more than {@link #GATHERED_BYTES} is no faster
     * @param head number of first bytes of the buffer that are digested before the body; they are not changed
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

    /** A copy of the scanned body, not normalised. */
    public byte[] copy() {
        return Arrays.copyOfRange(bytes, offset, end);
    }

    /** The scanned body, not normalised, read in place. */
    public InputStream input() {
        return new ByteArrayInputStream(bytes, offset, end - offset);
    }

    /** Length of the scanned body, in bytes. */
    public int length() {
        return end - offset;
    }

    /** Bytes of buffers that are kept for the next scan. */
    public int keptBytes() {
        return runs.length * Integer.BYTES;
    }

    /** Drops the reference to the scanned body. */
    public void release() {
        bytes = null;
        fields.release();
    }

    /** The body's top-level fields. All absent unless {@link #isJsonObject}. */
    public TopLevelFields fields() {
        return fields;
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
            // The end of the normalised form before this member. The scan returns to it if the member is ignored.
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
                fields.field(nameStart, nameEnd, i, valueEnd);
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
                    // No member was kept before this one, so the comma after it is dropped, too.
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
     * The node of a value: the root's or a member's. Null if no path leads through the value. Counts a member as kept
     * unless it is ignored.
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

    /**
     * The end of the normalised form without the comma before a member. If a run has ended after the comma, the comma
     * is taken from that run.
     */
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
     * The index after an object or array that is left out; {@link JsonGrammar#MALFORMED} if it is not well-formed.
     * Checks the same grammar as {@link #readDocument}, but records nothing.
     *
     * @param depth level of the value that contains it
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

    private int skipSpace(int from) {
        int i = from;
        while (i < end && isSpace(bytes[i])) {
            i++;
        }
        return i;
    }

    /** The index of the next token, or {@link #end}. Drops the white space before it. */
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

    /** Clears all results: the normalised form is the body itself, and all fields are absent. */
    private void forget() {
        runsLength = 0;
        runsGone = 0;
        runsBytes = 0;
        runStart = offset;
        runEnd = end;
        fields.forget();
    }
}
