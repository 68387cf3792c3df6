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
 * <p>Long, since the grammar and the normalised form are learnt in one pass.
 */
public final class RequestScan {
    private static final int MAX_DEPTH = StreamReadConstraints.DEFAULT_MAX_DEPTH;
    /** Most requests are shorter, and are digested in one call. */
    public static final int GATHERED_BYTES = 4096;

    /** Initial length of {@link #runs}. */
    private static final int FIRST_RUNS = 128;
    /**
     * Greatest length of {@link #runs}, 16 KiB. A long body may have more, a quarter of its own length: one of hardly
     * anything but white space would have four times its length otherwise.
     */
    private static final int MOST_RUNS = 4096;

    private static final int BYTES_PER_RUN_INDEX = 16;
    /** How much of {@link #runs} is kept when others are dropped: an ignored member takes the last ones back. */
    private static final int LAST_RUNS = 16;

    /** Null if all of the body counts. */
    private IgnoredMembers ignored;
    /** What is known of the objects that are open, by their level; null where nothing is. */
    private IgnoredMembers.Node[] nodes = {};
    /** How many members of these have been kept, likewise. */
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
    /** Length that the dropped runs would have in the array. */
    private int runsGone;
    /** Gets each run before it is dropped; null if nobody wants it. */
    private final RunReader reader;

    private final int fewRuns;
    private int runsBytes;
    private int runStart;
    private int runEnd;

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
        fields.release();
    }

    /** What the body says of itself at its top level. Nothing unless {@link #isJsonObject}. */
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
        fields.forget();
    }
}
