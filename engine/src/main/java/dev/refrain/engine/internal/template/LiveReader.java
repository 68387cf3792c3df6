package dev.refrain.engine.internal.template;

import dev.refrain.engine.spi.EntryBuffer;

/** One reader's place in a {@link LiveTemplate}. Belongs to one thread at a time. */
public final class LiveReader {
    /** Bytes read at once: enough to be worth a write to a socket, little enough to wait there. */
    public static final int PIECE = 64 * 1024;

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
        return read(PIECE, into, id, time, null);
    }

    /**
     * Reads on without filling the placeholders, for {@link LiveCopy} elsewhere.
     *
     * @param most {@link #PIECE}, or the length of the piece that was read here before by another reader
     * @param into receives the next piece as it stands in the template; its length is 0 if nothing more is published
     * @param patches receives where the placeholders of the piece are: a patch table as {@link Template} describes it,
     *     counted from the beginning of the piece
     * @return whether something was read
     */
    public boolean readTemplate(int most, EntryBuffer into, EntryBuffer patches) {
        patches.resize(0);
        return read(most, into, null, null, patches);
    }

    /** @param patches null if the placeholders are to be filled */
    private boolean read(int most, EntryBuffer into, byte[] id, byte[] time, EntryBuffer patches) {
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
     * Fills the placeholders of a piece, or notes where they are; extends it where the last one would be cut in two.
     * Returns the piece's length.
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
