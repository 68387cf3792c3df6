package dev.refrain.semantics.framing;

/**
 * A strict parser of the chunked coding (RFC 9112, 7.1), byte by byte. Among other things it refuses blanks where the
 * grammar has none, lines that end in a bare line feed, and folded trailer lines. Not thread-safe.
 */
public final class ChunkGrammar {
    /**
     * Limit of a chunk's size, in hexadecimal digits without leading zeros. It allows nearly 2^60 bytes, more than any
     * limit of a body.
     */
    private static final int MAX_SIZE_DIGITS = 15;

    private static final int MAX_LINE_BYTES = 1024;
    private static final int MAX_TRAILER_BYTES = 64 * 1024;

    /** The characters that a token may contain beside letters and digits (RFC 9110, 5.6.2). */
    private static final String TOKEN_MARKS = "!#$%&'*+-.^_`|~";

    /** The element of the grammar that is expected next. */
    private enum Due {
        SIZE,
        /** A semicolon, after blanks. */
        SEMICOLON,
        /** A name, perhaps after blanks. */
        NAME,
        IN_NAME,
        /** A semicolon or an equals sign, after blanks. */
        AFTER_NAME,
        /** A value, perhaps after blanks. */
        VALUE,
        IN_TOKEN,
        IN_QUOTES,
        ESCAPED,
        AFTER_VALUE,
        SIZE_LF,
        DATA,
        DATA_CR,
        DATA_LF,
        TRAILER,
        IN_TRAILER_NAME,
        IN_TRAILER,
        TRAILER_LF,
        LAST_LF,
        END
    }

    private Due due = Due.SIZE;
    private long size;
    /** Number of the size's digits so far, without leading zeros. */
    private int digits;
    /** Number of bytes so far of this size line, or of the whole trailer. */
    private int length;

    /** Whether the next bytes are data; {@link #left} says how many. */
    public boolean isInData() {
        return due == Due.DATA;
    }

    public boolean isAtEnd() {
        return due == Due.END;
    }

    /** Whether the next byte belongs to the trailer, or to the empty line that ends it. */
    public boolean isInTrailer() {
        return switch (due) {
            case TRAILER, IN_TRAILER_NAME, IN_TRAILER, TRAILER_LF, LAST_LF -> true;
            default -> false;
        };
    }

    /** Bytes of this chunk's data that have not been read. */
    public long left() {
        return size;
    }

    /** Notes that {@code count} bytes of data have been read. */
    public void took(int count) {
        size -= count;
        if (size == 0) {
            due = Due.DATA_CR;
        }
    }

    /** Reads one byte that is not data. */
    public void accept(byte b) throws MalformedBody {
        switch (due) {
            case SIZE -> size(b);
            case SIZE_LF -> {
                expect(b, '\n');
                length = 0;
                due = size == 0 ? Due.TRAILER : Due.DATA;
            }
            case DATA_CR -> {
                expect(b, '\r');
                due = Due.DATA_LF;
            }
            case DATA_LF -> {
                expect(b, '\n');
                digits = 0;
                length = 0;
                due = Due.SIZE;
            }
            case TRAILER, IN_TRAILER_NAME, IN_TRAILER -> trailer(b);
            case TRAILER_LF -> {
                expect(b, '\n');
                due = Due.TRAILER;
            }
            case LAST_LF -> {
                expect(b, '\n');
                due = Due.END;
            }
            case DATA, END -> throw new IllegalStateException("not a place in the framing: " + due);
            default -> extension(b);
        }
    }

    private void size(byte b) throws MalformedBody {
        int digit = Character.digit(b, 16);
        if (digit >= 0) {
            countLine();
            if (digit > 0 || digits > 0) {
                digits++;
            }
            if (digits > MAX_SIZE_DIGITS) {
                throw new MalformedBody("a chunk is too large");
            }
            size = size << 4 | digit;
        } else if (length > 0) {
            afterElement(b, "a chunk has no size");
        } else {
            throw new MalformedBody("a chunk has no size");
        }
    }

    /** Reads the byte after a size, a name or a value. */
    private void afterElement(byte b, String otherwise) throws MalformedBody {
        if (b == '\r') {
            due = Due.SIZE_LF;
        } else {
            countLine();
            due = semicolon(b, Due.SEMICOLON, otherwise);
        }
    }

    private void extension(byte b) throws MalformedBody {
        if (due == Due.AFTER_VALUE || ((due == Due.IN_NAME || due == Due.IN_TOKEN) && !isToken(b))) {
            if (due == Due.IN_NAME && (b == '=' || isBlank(b))) {
                countLine();
                due = b == '=' ? Due.VALUE : Due.AFTER_NAME;
            } else {
                afterElement(b, "a chunk extension is malformed");
            }
            return;
        }
        countLine();
        due = switch (due) {
            case IN_NAME, IN_TOKEN -> due;
            case SEMICOLON -> semicolon(b, Due.SEMICOLON, "a chunk extension is malformed");
            case AFTER_NAME -> b == '=' ? Due.VALUE : semicolon(b, Due.AFTER_NAME, "a chunk extension is malformed");
            case NAME -> {
                require(isBlank(b) || isToken(b));
                yield isBlank(b) ? Due.NAME : Due.IN_NAME;
            }
            case VALUE -> {
                require(isBlank(b) || isToken(b) || b == '"');
                yield isBlank(b) ? Due.VALUE : b == '"' ? Due.IN_QUOTES : Due.IN_TOKEN;
            }
            case IN_QUOTES -> {
                require(isText(b));
                yield b == '"' ? Due.AFTER_VALUE : b == '\\' ? Due.ESCAPED : Due.IN_QUOTES;
            }
            case ESCAPED -> {
                require(isText(b));
                yield Due.IN_QUOTES;
            }
            default -> throw new IllegalStateException("not a place in a chunk extension: " + due);
        };
    }

    private static Due semicolon(byte b, Due blank, String otherwise) throws MalformedBody {
        if (b == ';') {
            return Due.NAME;
        }
        if (isBlank(b)) {
            return blank;
        }
        throw new MalformedBody(otherwise);
    }

    private static void require(boolean allowed) throws MalformedBody {
        if (!allowed) {
            throw new MalformedBody("a chunk extension is malformed");
        }
    }

    private void countLine() throws MalformedBody {
        if (++length > MAX_LINE_BYTES) {
            throw new MalformedBody("a chunk's size and extensions are too long");
        }
    }

    private void trailer(byte b) throws MalformedBody {
        if (++length > MAX_TRAILER_BYTES) {
            throw new MalformedBody("its trailer is too long");
        }
        if (due == Due.TRAILER && b == '\r') {
            due = Due.LAST_LF;
        } else if (due == Due.IN_TRAILER && b == '\r') {
            due = Due.TRAILER_LF;
        } else if (due == Due.IN_TRAILER && isText(b)) {
            due = Due.IN_TRAILER;
        } else if (due == Due.IN_TRAILER_NAME && b == ':') {
            due = Due.IN_TRAILER;
        } else if (due != Due.IN_TRAILER && isToken(b)) {
            due = Due.IN_TRAILER_NAME;
        } else {
            throw new MalformedBody("its trailer is malformed");
        }
    }

    private static void expect(byte b, char expected) throws MalformedBody {
        if (b != expected) {
            throw new MalformedBody("a line or a chunk does not end where it should");
        }
    }

    private static boolean isBlank(byte b) {
        return b == ' ' || b == '\t';
    }

    private static boolean isToken(byte b) {
        return (b >= 'a' && b <= 'z')
                || (b >= 'A' && b <= 'Z')
                || (b >= '0' && b <= '9')
                || (b > 0 && TOKEN_MARKS.indexOf(b) >= 0);
    }

    /** Visible characters, blanks, and bytes beyond ASCII, which are negative in Java. */
    private static boolean isText(byte b) {
        return b < 0 || (b > ' ' && b != 0x7F) || isBlank(b);
    }
}
