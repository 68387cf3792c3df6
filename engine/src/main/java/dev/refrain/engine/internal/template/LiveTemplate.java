package dev.refrain.engine.internal.template;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.internal.template.AnswerScanner.Edit;
import dev.refrain.engine.memory.MemoryBudget;
import java.util.List;

/**
 * The finished events of a stream, as a template that readers can follow while it grows.
 *
 * <p>One thread appends and publishes. Any number of {@link LiveReader}s follow, each at its own pace, without locks.
 * The stream is a linked list of windows. Published bytes of a window are never rewritten, so a reader needs only the
 * window's latest snapshot. While the stream is short enough to be stored, it has one window, which is the template.
 * After that, windows are small. A reader refers to its window and so keeps it and the later ones; the collector frees
 * the windows behind the slowest reader.
 */
public final class LiveTemplate {
    /** The published events of one part of the stream. Readers poll both fields and never wait for them. */
    static final class Window {
        /** The latest snapshot; written only by the appending thread. */
        volatile Template progress = EMPTY;
        /** The window after this one; set once, after the last snapshot of this one. */
        volatile Window next;
    }

    private static final Template EMPTY = new TemplateBuilder(0).build(AnswerFacts.NONE);

    /** Length at which a stream that will not be stored begins its next window, in bytes. */
    private static final int SMALL_WINDOW = 64 * 1024;

    private static final int FIRST_BYTES = 8192;

    private TemplateBuilder builder;
    private Window current = new Window();
    /** Null after {@link #forgetBeginning}. */
    private volatile Window first = current;

    private volatile long published;
    private long finishedWindows;

    LiveTemplate() {
        this(null);
    }

    /**
     * @param memory reserves the beginning while it is kept, or null. Later windows are accounted for by
     *     their readers' lag
     */
    LiveTemplate(MemoryBudget.Reservation memory) {
        builder = new TemplateBuilder(FIRST_BYTES, memory);
    }

    /** A reader of a whole template. */
    public static LiveReader reader(Template whole) {
        Window only = new Window();
        only.progress = whole;
        return new LiveReader(only);
    }

    /** A reader from the beginning of the stream, or null if the beginning was dropped. */
    public LiveReader reader() {
        Window beginning = first;
        return beginning == null ? null : new LiveReader(beginning);
    }

    /** Whether the beginning, and so the whole stream, is still kept. */
    public boolean keepsBeginning() {
        return first != null;
    }

    /** Bytes that readers may read, counted from the beginning of the stream. */
    public long published() {
        return published;
    }

    /** Makes room for this many bytes while the beginning is kept. Throws if there is no memory. */
    void reserve(int more) {
        if (first != null) {
            builder.reserve(more);
        }
    }

    void append(int value) {
        builder.append(value);
    }

    void append(byte[] source, int from, int to, List<Edit> edits) {
        builder.append(source, from, to, edits);
    }

    /** Appends a piece of another live template, with its patch table. */
    void append(byte[] source, int from, int to, byte[] patches, int patchesFrom, int patchesTo) {
        builder.append(source, from, to, patches, patchesFrom, patchesTo);
    }

    /** Publishes the appended bytes to readers. Called only between events, so that no reader sees a part of one. */
    void publish() {
        Template snapshot = builder.build(AnswerFacts.NONE);
        if (finishedWindows + snapshot.length() == published) {
            return;
        }
        current.progress = snapshot;
        published = finishedWindows + snapshot.length();
        if (first == null && snapshot.length() >= SMALL_WINDOW) {
            roll(snapshot);
        }
    }

    /** Drops the beginning of a stream that is rejected or too long to be stored. Existing readers go on. */
    void forgetBeginning() {
        if (first != null) {
            publish();
            first = null;
            builder.release();
            roll(current.progress);
        }
    }

    private void roll(Template last) {
        finishedWindows += last.length();
        builder = new TemplateBuilder(1024);
        Window next = new Window();
        current.next = next;
        current = next;
    }

    /**
     * The stream so far as one template; only while the beginning is kept. Its facts have no id, because clients do not
     * refer to a stream by its id.
     */
    Template whole(AnswerFacts facts) {
        return builder.build(new AnswerFacts(
                null,
                facts.promptTokens(),
                facts.completionTokens(),
                facts.tokens(),
                facts.costNanos(),
                facts.finishReason()));
    }
}
