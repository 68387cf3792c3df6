package dev.refrain.engine.internal.template;

import dev.refrain.engine.spi.EntryBuffer;

/** One reader's position in a {@link LiveTemplate}. Used by one thread at a time. */
public final class LiveReader {
    /** Bytes read at a time: enough to be worth a write to a socket, and few enough to wait there in a queue. */
    public static final int PIECE = 64 * 1024;

    private LiveTemplate.Window window;
    private int at;
    private int patchAt;
    /** Offset of the placeholder that was decoded last. The distance of the next one counts from here. */
    private long lastPlaceholder;

    private long read;
    /** A copy of {@link #read} for other threads. */
    private volatile long position;

    LiveReader(LiveTemplate.Window window) {
        this.window = window;
    }

    /** Bytes read, counted from the beginning of the stream. */
    public long position() {
        return position;
    }

    /**
     * Reads the next piece.
     *
     * @param into receives the next piece with the placeholders filled; its length is 0 if nothing more is published
     * @param id {@link Template#ID_LENGTH} ASCII bytes
     * @param time {@link Template#TIME_LENGTH} ASCII digits
     * @return whether something was read
     */
    public boolean read(EntryBuffer into, byte[] id, byte[] time) {
        return read(PIECE, into, id, time, null);
    }

    /**
     * Reads the next piece without filling the placeholders, for a {@link LiveCopy} on another machine.
     *
     * @param most length limit: {@link #PIECE}, or the length of the piece that an earlier reader got here
     * @param into receives the next piece of the template unchanged; its length is 0 if nothing more is published
     * @param patches receives the piece's patch table in the format of {@link Template}, with offsets from the
     *     beginning of the piece
     * @return whether something was read
     */
    public boolean readTemplate(int most, EntryBuffer into, EntryBuffer patches) {
        patches.resize(0);
        return read(most, into, null, null, patches);
    }

    /** @param patches null if the placeholders are to be filled */
    private boolean read(int most, EntryBuffer into, byte[] id, byte[] time, EntryBuffer patches) {
        // The link is read before the snapshot: if the link is set, the snapshot is the window's last.
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
        int length = Math.min(most, template.length() - at);
        byte[] target = into.resize(length);
        System.arraycopy(template.bytes(), at, target, 0, length);
        length = fill(template, into, length, id, time, patches);
        at += length;
        read += length;
        position = read;
        return length > 0;
    }

    /**
     * Fills the placeholders of a piece, or records their offsets. Extends the piece if it would cut its last
     * placeholder in two. Returns the piece's length.
     */
    private int fill(Template template, EntryBuffer piece, int length, byte[] id, byte[] time, EntryBuffer notedIn) {
        byte[] patches = template.patches();
        int end = at + length;
        int noted = at;
        while (patchAt < template.patchesLength()) {
            long found = Varint.read(patches, patchAt, template.patchesLength());
            long coded = Varint.number(found);
            int placeholder = (int) (lastPlaceholder + (coded >>> 1));
            if (placeholder >= end) {
                break;
            }
            int kind = (int) coded & 1;
            int valueLength = kind == Template.ID ? Template.ID_LENGTH : Template.TIME_LENGTH;
            if (placeholder + valueLength > end) {
                int more = placeholder + valueLength - end;
                System.arraycopy(template.bytes(), end, piece.resize(end - at + more), end - at, more);
                end += more;
            }
            if (notedIn == null) {
                System.arraycopy(kind == Template.ID ? id : time, 0, piece.bytes(), placeholder - at, valueLength);
            } else {
                Varint.append(notedIn, (long) (placeholder - noted) << 1 | kind);
                noted = placeholder;
            }
            patchAt += Varint.length(found);
            lastPlaceholder = placeholder;
        }
        return end - at;
    }
}
