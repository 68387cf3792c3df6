package dev.refrain.jmh.load;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One client's view of one response. Compares each byte with the expected one as it arrives. */
final class StreamClient {
    /** Receives events that are complete and correct. */
    interface Listener {
        void event(int stream, int index);
    }

    private static final Pattern ID = Pattern.compile("\r\nX-Generation-Id: (\\S+)\r\n");
    private static final Pattern LENGTH = Pattern.compile("(?i)\r\ncontent-length: (\\d+)\r\n");
    private static final int MAX_HEAD = 4096;

    private final TokenStream stream;
    private final Listener listener;
    private final ByteBuffer head = ByteBuffer.allocate(MAX_HEAD);

    private boolean inBody;
    private boolean hit;
    private String id;
    /** The time in a hit's events; null until the first event has come. */
    private String time;
    /** Bytes of the body, or of the chunk, that are still to come; -1 while a chunk's size is being read. */
    private long remaining = -1;

    private boolean chunked;
    private boolean lastChunk;
    private boolean ended;
    private final StringBuilder line = new StringBuilder();
    private int index;
    private byte[] expected = new byte[0];
    private int position;
    private byte[] first;

    StreamClient(TokenStream stream, Listener listener) {
        this.stream = stream;
        this.listener = listener;
    }

    boolean isHit() {
        return hit;
    }

    /** Whether the response has ended correctly. */
    boolean isComplete() {
        return ended;
    }

    /**
     * Compares the received bytes with the expected ones.
     *
     * @throws IOException if a byte differs from the expected one
     */
    void accept(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining() && !ended) {
            if (!inBody) {
                acceptHead(bytes.get());
            } else if (remaining > 0) {
                acceptBody(bytes);
            } else {
                acceptFraming((char) bytes.get());
            }
        }
        if (bytes.hasRemaining()) {
            throw wrong("there is more after the end");
        }
    }

    private void acceptHead(byte b) throws IOException {
        head.put(b);
        int end = head.position();
        if (b != '\n' || end < 4 || head.get(end - 3) != '\n') {
            return;
        }
        String text = new String(head.array(), 0, end, StandardCharsets.ISO_8859_1);
        Matcher generation = ID.matcher(text);
        if (!text.startsWith("HTTP/1.1 200 ") || !generation.find()) {
            throw wrong(text);
        }
        hit = text.contains("X-OpenRouter-Cache-Status: HIT");
        id = generation.group(1);
        Matcher length = LENGTH.matcher(text);
        chunked = !length.find();
        remaining = chunked ? -1 : Long.parseLong(length.group(1));
        inBody = true;
        begin();
    }

    private void acceptFraming(char c) throws IOException {
        line.append(c);
        if (c != '\n') {
            return;
        }
        String text = line.toString().trim();
        line.setLength(0);
        if (lastChunk) {
            end();
        } else if (remaining == 0) {
            remaining = -1;
        } else {
            remaining = Long.parseLong(text, 16);
            lastChunk = remaining == 0;
        }
    }

    private void acceptBody(ByteBuffer bytes) throws IOException {
        int count = (int) Math.min(Math.min(remaining, bytes.remaining()), expected.length - position);
        if (first != null) {
            bytes.get(first, position, count);
        } else if (!matches(bytes, count)) {
            throw wrong("event " + index + " differs at byte " + position);
        }
        position += count;
        remaining -= count;
        if (position == expected.length) {
            completeEvent();
        }
        if (remaining == 0 && !chunked) {
            end();
        }
    }

    private boolean matches(ByteBuffer bytes, int count) {
        for (int i = 0; i < count; i++) {
            if (bytes.get() != expected[position + i]) {
                return false;
            }
        }
        return true;
    }

    private void completeEvent() throws IOException {
        if (first != null) {
            int offset = TokenStream.timeOffset(id);
            time = new String(first, offset, TokenStream.TIME_DIGITS, StandardCharsets.ISO_8859_1);
            if (!time.matches("[0-9]+") || !Arrays.equals(first, stream.repeated(0, id, time))) {
                throw wrong("the first event is " + new String(first, StandardCharsets.ISO_8859_1));
            }
            first = null;
        }
        listener.event(stream.number(), index);
        index++;
        begin();
    }

    private void begin() {
        position = 0;
        if (index == stream.events()) {
            expected = new byte[0];
        } else if (!hit) {
            expected = stream.event(index);
        } else if (time == null) {
            // All bytes of the event except the time are known, and so is its length.
            expected = stream.repeated(0, id, "0".repeat(TokenStream.TIME_DIGITS));
            first = new byte[expected.length];
        } else {
            expected = stream.repeated(index, id, time);
        }
    }

    private void end() throws IOException {
        if (index != stream.events()) {
            throw wrong("it ends after " + index + " of " + stream.events() + " events");
        }
        ended = true;
    }

    private IOException wrong(String what) {
        return new IOException("Stream " + stream.number() + (hit ? " (hit): " : ": ") + what);
    }
}
