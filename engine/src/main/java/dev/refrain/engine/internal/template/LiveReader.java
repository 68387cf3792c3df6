package dev.refrain.engine.internal.template;

import dev.refrain.engine.spi.EntryBuffer;

/** One reader's place in a {@link LiveTemplate}. Belongs to one thread at a time. */
public final class LiveReader {
    /** Bytes read at once: enough to be worth a write to a socket, little enough to wait there. */
    private static final int PIECE = 64 * 1024;

    private LiveTemplate.Window window;
    private int at;
    private int patchAt;
    /** Offset of the placeholder that was decoded last, from which the next one's distance counts. */
    private long lastPlaceholder;

    private long read;
    /** The same for whoever watches from another thread. */
    private volatile long position;

    LiveReader(LiveTemplate.Window window) {
        this.window = window;
    }

    /** Bytes read, counted from the beginning of the stream. */
    public long position() {
        return position;
    }

    /**
     * Reads on.
     *
     * @param into receives the next piece with the placeholders filled; its length is 0 if nothing more is published
     * @param id {@link Template#ID_LENGTH} ASCII bytes
     * @param time {@link Template#TIME_LENGTH} ASCII digits
     * @return whether something was read
     */
    public boolean read(EntryBuffer into, byte[] id, byte[] time) {
        // The link is looked at first: once it is there, the snapshot after it is the window's last.
        LiveTemplate.Window next = window.next;
        Template template = window.progress;
        while (at == template.length() && next != null) {
            window = next;
            at = 0;
            patchAt = 0;
            lastPlaceholder = 0;
            next = window.next;
            template = window.progress;
        }
        int length = Math.min(PIECE, template.length() - at);
        byte[] target = into.resize(length);
        System.arraycopy(template.bytes(), at, target, 0, length);
        length = fill(template, into, length, id, time);
        at += length;
        read += length;
        position = read;
        return length > 0;
    }

    /**
     * Fills the placeholders of a piece; extends it where the last one would be cut in two. Returns the piece's length.
     */
    private int fill(Template template, EntryBuffer piece, int length, byte[] id, byte[] time) {
        byte[] patches = template.patches();
        int end = at + length;
        while (patchAt < template.patchesLength()) {
            long found = Varint.read(patches, patchAt, template.patchesLength());
            long coded = Varint.number(found);
            int placeholder = (int) (lastPlaceholder + (coded >>> 1));
            if (placeholder >= end) {
                break;
            }
            byte[] value = (coded & 1) == Template.ID ? id : time;
            if (placeholder + value.length > end) {
                int more = placeholder + value.length - end;
                System.arraycopy(template.bytes(), end, piece.resize(end - at + more), end - at, more);
                end += more;
            }
            System.arraycopy(value, 0, piece.bytes(), placeholder - at, value.length);
            patchAt += Varint.length(found);
            lastPlaceholder = placeholder;
        }
        return end - at;
    }
}
