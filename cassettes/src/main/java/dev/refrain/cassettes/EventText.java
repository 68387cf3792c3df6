package dev.refrain.cassettes;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/**
 * Converts an event stream to lines that people can read, and back. {@code +12 data: ...} is an event that came 12 ms
 * after the one before. Further lines of the event are indented by two spaces, and the blank line that ends it is left
 * out. An event that would not survive the conversion is written as {@code =12} and its bytes in Base64. Stateless.
 */
final class EventText {
    /** Limit of the gap between two events of a recording, in milliseconds: a day. */
    private static final long MOST_MILLIS = 86_400_000;

    private EventText() {}

    /** The bytes of a stream, and the ends of its events. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Stream(byte[] body, List<RecordedAnswer.Event> events) {}

    /** A line is malformed. */
    static final class FlawException extends Exception {
        private static final long serialVersionUID = 1L;

        /** The malformed line's number, from 0. */
        final int line;

        FlawException(int line, String message) {
            super(message, null, false, false);
            this.line = line;
        }
    }

    /** The line end of a stream: CR LF if its first line ends with that, else LF. */
    static String lineEnd(byte[] body) {
        for (int i = 0; i < body.length; i++) {
            if (body[i] == '\n') {
                return i > 0 && body[i - 1] == '\r' ? "\r\n" : "\n";
            }
        }
        return "\n";
    }

    /**
     * Splits a stream into events.
     *
     * @param ends end of each piece of the stream, in their order; the last is the stream's length
     * @param millis when each piece came, in milliseconds since the answer's head
     */
    static List<RecordedAnswer.Event> split(byte[] body, List<Integer> ends, List<Long> millis) {
        byte[] blank = (lineEnd(body) + lineEnd(body)).getBytes(StandardCharsets.US_ASCII);
        List<RecordedAnswer.Event> events = new ArrayList<>();
        long before = 0;
        int piece = 0;
        for (int start = 0; start < body.length; ) {
            int end = endOfEvent(body, start, blank);
            while (ends.get(piece) < end) {
                piece++;
            }
            long at = millis.get(piece);
            events.add(new RecordedAnswer.Event(end, Math.max(0, at - before)));
            before = at;
            start = end;
        }
        return events;
    }

    private static int endOfEvent(byte[] body, int start, byte[] blank) {
        for (int i = start; i <= body.length - blank.length; i++) {
            if (Arrays.equals(body, i, i + blank.length, blank, 0, blank.length)) {
                return i + blank.length;
            }
        }
        return body.length;
    }

    /** Converts a stream to lines. */
    static String write(byte[] body, List<RecordedAnswer.Event> events) {
        String lineEnd = lineEnd(body);
        StringBuilder out = new StringBuilder(body.length + 16 * events.size());
        int start = 0;
        for (RecordedAnswer.Event event : events) {
            String text = text(body, start, event.end(), lineEnd);
            if (text == null) {
                byte[] bytes = Arrays.copyOfRange(body, start, event.end());
                out.append('=').append(event.gapMillis()).append(' ');
                out.append(Base64.getEncoder().encodeToString(bytes)).append('\n');
            } else {
                out.append('+').append(event.gapMillis()).append(' ');
                out.append(text.replace("\n", "\n  ")).append('\n');
            }
            start = event.end();
        }
        return out.toString();
    }

    /**
     * The lines of an event, separated by LF, without the blank line at its end; null if reading them would not give
     * the same bytes.
     */
    private static String text(byte[] body, int start, int end, String lineEnd) {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(body, start, end - start))
                    .toString();
        } catch (CharacterCodingException e) {
            return null;
        }
        if (!text.endsWith(lineEnd + lineEnd)) {
            return null;
        }
        String lines = text.substring(0, text.length() - 2 * lineEnd.length());
        String plain = lineEnd.equals("\n") ? lines : lines.replace(lineEnd, "\n");
        boolean isSame = plain.indexOf('\r') < 0 && plain.replace("\n", lineEnd).equals(lines);
        return isSame && !plain.isEmpty() && YamlText.isPlain(plain) ? plain : null;
    }

    /** Converts the lines that {@link #write} wrote back to a stream. */
    static Stream read(String text, String lineEnd) throws FlawException {
        ByteArrayOutputStream body = new ByteArrayOutputStream(text.length());
        List<RecordedAnswer.Event> events = new ArrayList<>();
        String[] lines = text.split("\n", -1);
        long gap = -1;
        int count = lines.length > 0 && lines[lines.length - 1].isEmpty() ? lines.length - 1 : lines.length;
        for (int i = 0; i < count; i++) {
            String line = lines[i];
            boolean isText = line.startsWith("+");
            if (isText || line.startsWith("=")) {
                end(body, events, gap, lineEnd);
                int space = line.indexOf(' ');
                long millis = millis(i, line, space);
                String rest = line.substring(space + 1);
                if (isText) {
                    put(body, rest + lineEnd);
                    gap = millis;
                } else {
                    byte[] bytes = base64(i, rest);
                    body.write(bytes, 0, bytes.length);
                    events.add(new RecordedAnswer.Event(body.size(), millis));
                    gap = -1;
                }
            } else if (line.startsWith("  ") && gap >= 0) {
                put(body, line.substring(2) + lineEnd);
            } else {
                throw new FlawException(i, "a line of a stream must begin with +MS, =MS or two spaces");
            }
        }
        end(body, events, gap, lineEnd);
        return new Stream(body.toByteArray(), events);
    }

    private static void end(ByteArrayOutputStream body, List<RecordedAnswer.Event> events, long gap, String lineEnd) {
        if (gap >= 0) {
            put(body, lineEnd);
            events.add(new RecordedAnswer.Event(body.size(), gap));
        }
    }

    private static void put(ByteArrayOutputStream body, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        body.write(bytes, 0, bytes.length);
    }

    private static long millis(int line, String text, int space) throws FlawException {
        String number = space < 0 ? "" : text.substring(1, space);
        if (!number.matches("[0-9]{1,8}") || Long.parseLong(number) > MOST_MILLIS) {
            throw new FlawException(line, "a gap must be a number of milliseconds, at most " + MOST_MILLIS);
        }
        return Long.parseLong(number);
    }

    private static byte[] base64(int line, String text) throws FlawException {
        try {
            return Base64.getDecoder().decode(text);
        } catch (IllegalArgumentException e) {
            throw new FlawException(line, "must be Base64");
        }
    }
}
