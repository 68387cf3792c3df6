package dev.refrain.engine.internal.template;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.internal.template.AnswerScanner.Edit;
import dev.refrain.engine.memory.MemoryBudget;
import java.util.List;

/**
 * The finished events of a stream as a template that others read while it grows.
 *
 * <p>One thread appends and publishes; any number of {@link LiveReader}s follow, each at its own pace, without locks.
 * The stream is a linked list of windows. Within a window published bytes are never rewritten, so that a reader needs
 * nothing but the latest snapshot. As long as the stream is short enough to be stored it has one window, which is the
 * template. Beyond that, windows are small, and whoever still reads holds on to those that lie ahead; the collector
 * takes those behind the slowest reader.
 */
public final class LiveTemplate {
    /** Published events of one stretch of the stream; readers wait on neither field, they look. */
    static final class Window {
        /** The snapshot that readers may read; written by the appending thread only. */
        volatile Template progress = EMPTY;
        /** Set, once, after the last snapshot of this window. */
        volatile Window next;
    }

    private static final Template EMPTY = new TemplateBuilder(0).build(AnswerFacts.NONE);

    /** Bytes after which a window of a stream that is not to be stored is left for the next. */
    private static final int SMALL_WINDOW = 64 * 1024;

    private static final int FIRST_BYTES = 8192;

    private TemplateBuilder builder;
    private Window current = new Window();
    /** Null once the beginning is no longer kept. */
    private volatile Window first = current;

    private volatile long published;
    private long finishedWindows;

    LiveTemplate() {
        this(null);
    }

    /**
     * @param memory where the beginning is reserved while it is kept, or null;
     * windows after it are counted by their readers' lag
     */
    LiveTemplate(MemoryBudget.Reservation memory) {
        builder = new TemplateBuilder(FIRST_BYTES, memory);
    }

    /** A reader of something that is whole. */
    public static LiveReader reader(Template whole) {
        Window only = new Window();
        only.progress = whole;
        return new LiveReader(only);
    }

    /**
     * A reader from the beginning of the stream, or null if that is no longer kept.
     */
    public LiveReader reader() {
        Window beginning = first;
        return beginning == null ? null : new LiveReader(beginning);
    }

    /** Whether the beginning is still kept, and with it all of the stream. */
    public boolean keepsBeginning() {
        return first != null;
    }

    /** Bytes that readers may read, counted from the beginning of the stream. */
    public long published() {
        return published;
    }

    /** Makes room for so many bytes in the beginning; throws if there is none. */
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

    /** Appends a piece of another such template, with its patch table. */
    void append(byte[] source, int from, int to, byte[] patches, int patchesFrom, int patchesTo) {
        builder.append(source, from, to, patches, patchesFrom, patchesTo);
    }

    /** Shows readers what was appended. Only between events, so that none is ever seen in part. */
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

    /**
     * Keeps the beginning no longer: the stream is too long to be stored, or
     * rejected. Readers that are under way go on.
     */
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
     * The stream so far, as one template; only while the beginning is kept. A
     * stream has no id that a client would know it by.
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
