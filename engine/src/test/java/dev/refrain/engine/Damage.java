package dev.refrain.engine;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/**
 * One kind of damage to a message; jqwik shrinks a list of damages to those that matter.
 *
 * @param latin1 the bytes that are inserted, each as the character of its value
 */
public record Damage(Kind kind, int place, String latin1) {
    /** What goes wrong. */
    public enum Kind {
        /** One byte is replaced by the inserted bytes. */
        REPLACE,
        /** One bit is flipped. */
        FLIP,
        /** Bytes are inserted. */
        INSERT,
        /** A stretch of bytes is left out. */
        DELETE,
        /** A stretch of bytes comes twice. */
        REPEAT,
        /** The rest is missing. */
        CUT
    }

    /**
     * Up to three damages.
     *
     * @param words fragments that may be inserted: those that the message's parser looks for
     */
    public static Arbitrary<List<Damage>> some(byte[]... words) {
        Arbitrary<String> anyByte = Arbitraries.chars().range('\0', '\u00ff').map(String::valueOf);
        Arbitrary<String> word = Arbitraries.of(words).map(bytes -> new String(bytes, ISO_8859_1));
        return Combinators.combine(
                        Arbitraries.of(Kind.class),
                        Arbitraries.integers().between(0, 1 << 20),
                        Arbitraries.oneOf(word, anyByte))
                .as(Damage::new)
                .list()
                .ofMaxSize(3);
    }

    /** The message with all damages done to it, one after the other. */
    public static byte[] apply(List<Damage> damages, byte[] message) {
        byte[] damaged = message;
        for (Damage damage : damages) {
            damaged = damage.applyTo(damaged);
        }
        return damaged;
    }

    private byte[] applyTo(byte[] message) {
        byte[] bytes = latin1.getBytes(ISO_8859_1);
        int at = place % (message.length + 1);
        byte[] head = Arrays.copyOf(message, at);
        byte[] rest = Arrays.copyOfRange(message, at, message.length);
        return switch (kind) {
            case REPLACE -> concat(head, bytes, from(rest, 1));
            case FLIP ->
                rest.length == 0
                        ? head
                        : concat(head, new byte[] {(byte) (rest[0] ^ 1 << (bytes[0] & 7))}, from(rest, 1));
            case INSERT -> concat(head, bytes, rest);
            case DELETE -> concat(head, from(rest, bytes.length));
            case REPEAT -> concat(head, Arrays.copyOf(rest, Math.min(rest.length, place % 64)), rest);
            case CUT -> head;
        };
    }

    private static byte[] from(byte[] bytes, int start) {
        return Arrays.copyOfRange(bytes, Math.min(start, bytes.length), bytes.length);
    }

    private static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }
}
