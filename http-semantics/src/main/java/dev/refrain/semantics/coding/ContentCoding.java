package dev.refrain.semantics.coding;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.RequestFields;
import io.airlift.compress.zstd.ZstdInputStream;
import io.airlift.compress.zstd.ZstdOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.zip.GZIPOutputStream;

/**
 * The content coding of a request's body (RFC 9110, 8.4). The key is made from the decoded body. The provider gets the
 * coded body unchanged.
 */
public enum ContentCoding {
    /** No coding. */
    IDENTITY {
        @Override
        InputStream open(byte[] coded) {
            return new ByteArrayInputStream(coded);
        }
    },
    /** RFC 1952. */
    GZIP {
        @Override
        InputStream open(byte[] coded) throws IOException {
            return new Gzip(coded);
        }
    },
    /** RFC 8878, with windows of at most 8 MiB (RFC 9659). */
    ZSTD {
        @Override
        InputStream open(byte[] coded) throws IOException {
            ZstdFrames.check(coded);
            return new ZstdInputStream(new ByteArrayInputStream(coded));
        }

        @Override
        int window(int decoded) {
            return (int) Math.min(2L * decoded, MAX_WINDOW);
        }
    },
    /** Several codings, or an unknown one. */
    OTHER {
        @Override
        InputStream open(byte[] coded) throws IOException {
            throw new IOException("an unknown content coding");
        }
    };

    private static final int FIRST_GUESS = 16 * 1024;
    /** Bytes of the largest window, and half as much again for its copy while it grows. */
    private static final int MAX_WINDOW = ZstdFrames.MAX_WINDOW / 2 * 3;

    /** The body is too long once it is decoded. */
    public static final class TooLong extends IOException {
        private static final long serialVersionUID = 1L;

        TooLong() {
            super("too long");
        }
    }

    abstract InputStream open(byte[] coded) throws IOException;

    /** Bytes of decoded data that the decoder itself keeps for back-references, once it has decoded this many bytes. */
    int window(int decoded) {
        return 0;
    }

    /** The coding that a request says its body is in; never null. */
    public static ContentCoding of(RequestFields fields) {
        List<String> lines = fields.all("Content-Encoding");
        if (lines == null) {
            return IDENTITY;
        }
        if (lines.size() != 1) {
            return OTHER;
        }
        return switch (lines.get(0).trim().toLowerCase(Locale.ROOT)) {
            case "identity" -> IDENTITY;
            case "gzip", "x-gzip" -> GZIP;
            case "zstd" -> ZSTD;
            default -> OTHER;
        };
    }

    /**
     * Decodes a body. A few bytes may decode to very many, so the result is bounded, and so is the heap that all
     * results take together.
     *
     * @param limit the longest result, in bytes
     * @param held budget for the heap beyond the first few KiB. Memory for the result and its final copy stays
     *     reserved; if this throws, all is released
     * @throws TooLong if the result would be longer, or there is no room for it
     * @throws IOException if the body is not in this coding
     */
    public byte[] decode(byte[] coded, int limit, MemoryBudget.Reservation held) throws IOException {
        if (this == IDENTITY) {
            return coded;
        }
        long before = held.bytes();
        long result = before;
        byte[] decoded = null;
        try {
            decoded = decoded(coded, limit, held);
            result += 2L * Math.max(0, decoded.length - FIRST_GUESS);
            return decoded;
        } finally {
            held.shrink(held.bytes() - (decoded == null ? before : result));
        }
    }

    @SuppressWarnings("CatchingUnchecked") // zstd's decoder throws unchecked exceptions for malformed input
    private byte[] decoded(byte[] coded, int limit, MemoryBudget.Reservation held) throws IOException {
        try (InputStream in = open(coded)) {
            byte[] decoded = new byte[Math.min(limit + 1, FIRST_GUESS)];
            int length = 0;
            while (true) {
                int count = in.read(decoded, length, decoded.length - length);
                if (count < 0) {
                    return Arrays.copyOf(decoded, length);
                }
                length += count;
                if (length > limit) {
                    throw new TooLong();
                }
                if (length == decoded.length) {
                    int next = (int) Math.min(limit + 1L, decoded.length * 2L);
                    // Twice, because the array is copied when it grows.
                    long more = 2L * (next - decoded.length) + window(next) - window(decoded.length);
                    if (!held.grow(more)) {
                        throw new TooLong();
                    }
                    decoded = Arrays.copyOf(decoded, next);
                }
            }
        } catch (RuntimeException malformed) {
            throw new IOException("malformed for its content coding", malformed);
        }
    }

    /** Encodes a body that had to be changed. */
    public byte[] encode(byte[] plain) {
        ByteArrayOutputStream coded = new ByteArrayOutputStream(plain.length / 2 + 64);
        try (OutputStream out = this == ZSTD ? new ZstdOutputStream(coded) : new GZIPOutputStream(coded)) {
            out.write(plain);
        } catch (IOException e) {
            throw new UncheckedIOException("an array has room", e);
        }
        return coded.toByteArray();
    }
}
