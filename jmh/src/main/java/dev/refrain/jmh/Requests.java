package dev.refrain.jmh;

import java.nio.charset.StandardCharsets;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.infra.ThreadParams;

/**
 * One client's chat requests of 1 KiB each, without insignificant white space, as SDKs send them. Each is written into
 * the same array, as into a server's read buffer. They differ in a number within the prompt.
 */
@State(Scope.Thread)
public class Requests {
    static final String API_KEY = "sk-benchmark-0123456789abcdefghijklmnopqrstuvwxyz";

    private static final int LENGTH = 1024;
    private static final int DIGITS = 9;
    private static final String HEAD = "{\"model\":\"acme/large-2026\",\"messages\":[{\"role\":\"system\",\"content\":"
            + "\"You are a helpful assistant. Answer in plain English, in a few short paragraphs, and say so when "
            + "you are not"
            + " sure.\\nDo not use tables.\"},{\"role\":\"user\",\"content\":\"Ticket ";
    private static final String TAIL = "\"}],\"temperature\":0.2,\"top_p\":0.95,\"max_tokens\":1024,\"stream\":false,"
            + "\"response_format\":{\"type\":\"text\"},\"user\":\"c8f0b7a2\"}";

    private Popularity popularity;
    private int step;
    private final byte[] body;

    public Requests() {
        int text = LENGTH - HEAD.length() - DIGITS - TAIL.length();
        body = (HEAD + "0".repeat(DIGITS) + EnglishText.of(7, text) + TAIL).getBytes(StandardCharsets.US_ASCII);
    }

    /** For programs that do not use JMH. */
    Requests(Popularity shared) {
        this();
        popularity = shared;
    }

    @Setup(Level.Trial)
    public void start(Popularity shared, ThreadParams thread) {
        popularity = shared;
        // All threads follow the same sequence, from positions that are far apart.
        step = thread.getThreadIndex() * 7_919_033;
    }

    /** The number of the next requested entry. */
    int nextEntry() {
        return popularity.entry(step++);
    }

    /** The next request; valid until the next call. */
    byte[] next() {
        return to(nextEntry());
    }

    /** The array, with the latest request. */
    byte[] body() {
        return body;
    }

    /** The request that the given entry answers; valid until the next call. */
    byte[] to(int entry) {
        int rest = entry;
        for (int at = HEAD.length() + DIGITS - 1; at >= HEAD.length(); at--) {
            body[at] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        return body;
    }
}
