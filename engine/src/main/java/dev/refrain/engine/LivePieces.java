package dev.refrain.engine;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.engine.spi.EntryBuffer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;

/**
 * Encodes and decodes the pieces by which a machine passes a live stream on to others, before they are sealed: a head,
 * pieces of the template, and an end. docs/STORAGE-FORMAT.md has the bytes. Numbers are big-endian. Stateless.
 */
final class LivePieces {
    private static final byte HEAD = 'H';
    private static final byte DATA = 'D';
    private static final byte END = 'E';

    /**
     * The longest text that is sent, in characters. No real text is that long. A longer text is left out, since readers
     * can do without it.
     */
    private static final int LONGEST_TEXT = 4 * 1024;

    /** A decoded piece of a stream. */
    sealed interface Piece {}

    /**
     * The first piece.
     *
     * @param ttl lifetime that the answer gets
     * @param contentType null if there is none
     * @param sourceId null if there is none
     */
    record Head(Duration ttl, String contentType, String sourceId) implements Piece {}

    /**
     * A piece of the template.
     *
     * @param patchesFrom offset of its patch table
     * @param from offset of the template's bytes, which follow the patch table and go to the end
     * @param providerId the provider's id of the answer; null before the answer is complete, or if it has none
     */
    record Data(int patchesFrom, int from, String providerId) implements Piece {}

    /**
     * The last piece.
     *
     * @param whole whether the stream is complete
     * @param savings what the answer cost
     */
    record End(boolean whole, Savings savings) implements Piece {}

    private LivePieces() {}

    private interface Content {
        void write(DataOutputStream to) throws IOException;
    }

    private static byte[] written(byte kind, Content content) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(128);
        try (DataOutputStream to = new DataOutputStream(bytes)) {
            to.writeByte(kind);
            content.write(to);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static void writeText(DataOutputStream to, String text) throws IOException {
        boolean has = text != null && text.length() <= LONGEST_TEXT;
        to.writeBoolean(has);
        if (has) {
            to.writeUTF(text);
        }
    }

    private static String readText(DataInputStream from) throws IOException {
        return from.readBoolean() ? from.readUTF() : null;
    }

    static byte[] head(Duration ttl, ResponseHead head) {
        return written(HEAD, to -> {
            to.writeLong(ttl.toSeconds());
            writeText(to, head.contentType());
            writeText(to, head.generationId());
        });
    }

    static byte[] data(EntryBuffer piece, EntryBuffer patches, String providerId) {
        return written(DATA, to -> {
            writeText(to, providerId);
            to.writeInt(patches.length());
            to.write(patches.bytes(), 0, patches.length());
            to.write(piece.bytes(), 0, piece.length());
        });
    }

    static byte[] end(boolean whole, Savings savings) {
        AnswerFacts facts = savings.answer();
        return written(END, to -> {
            to.writeBoolean(whole);
            to.writeLong(savings.fetchMillis());
            to.writeLong(facts.promptTokens());
            to.writeLong(facts.completionTokens());
            to.writeLong(facts.tokens());
            to.writeLong(facts.costNanos());
            writeText(to, facts.finishReason());
        });
    }

    /** Decodes a piece; null if it is malformed. */
    static Piece read(byte[] piece) {
        try (DataInputStream from = new DataInputStream(new ByteArrayInputStream(piece))) {
            return switch (from.readByte()) {
                case HEAD -> new Head(Duration.ofSeconds(from.readLong()), readText(from), readText(from));
                case DATA -> data(from, piece.length);
                case END -> end(from);
                default -> null;
            };
        } catch (IOException e) {
            return null;
        }
    }

    private static Data data(DataInputStream from, int length) throws IOException {
        String providerId = readText(from);
        int patches = from.readInt();
        int patchesFrom = length - from.available();
        return patches < 0 || patches > from.available()
                ? null
                : new Data(patchesFrom, patchesFrom + patches, providerId);
    }

    private static End end(DataInputStream from) throws IOException {
        boolean whole = from.readBoolean();
        long fetchMillis = from.readLong();
        long prompt = from.readLong();
        long completion = from.readLong();
        long tokens = from.readLong();
        long cost = from.readLong();
        AnswerFacts facts = new AnswerFacts(null, prompt, completion, tokens, cost, readText(from));
        return new End(whole, new Savings(facts, fetchMillis));
    }
}
