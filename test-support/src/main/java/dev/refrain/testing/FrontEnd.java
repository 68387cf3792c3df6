package dev.refrain.testing;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** A front-end with a new cache, as a program uses it; the subject of {@link FrontEndContract}. Thread-safe. */
public interface FrontEnd extends AutoCloseable {
    /** The answer that a program gets. */
    interface Reply extends AutoCloseable {
        int status();

        /** The lines of a field; empty if there are none. */
        List<String> header(String name);

        /** The body as it arrives. A program may close it before its end. */
        InputStream body();

        /** All of the body, as UTF-8. */
        default String text() throws IOException {
            try (InputStream in = body()) {
                return new String(in.readAllBytes(), StandardCharsets.UTF_8);
            }
        }

        /** The only line of a field; null if there is none. Several lines are joined, for messages of failed tests. */
        default String only(String name) {
            List<String> lines = header(name);
            return lines.isEmpty() ? null : String.join(" | ", lines);
        }

        @Override
        void close() throws IOException;

        /** The answer that the JDK's client got. */
        static Reply of(HttpResponse<InputStream> response) {
            return new Reply() {
                @Override
                public int status() {
                    return response.statusCode();
                }

                @Override
                public List<String> header(String name) {
                    return response.headers().allValues(name);
                }

                @Override
                public InputStream body() {
                    return response.body();
                }

                @Override
                public void close() throws IOException {
                    response.body().close();
                }
            };
        }
    }

    /**
     * Sends a POST of JSON, and waits until its answer begins.
     *
     * @param path below the provider's base URL, such as {@code /chat/completions}
     * @param headers names and values in turn
     */
    Reply send(String path, String body, String... headers) throws IOException;

    /** Removes the stored answer behind a reply that has ended (wire rule W85). */
    void takeBack(Reply answer) throws IOException;

    /** Bytes that are reserved in the cache's memory budget. */
    long heldBytes();

    @Override
    void close();
}
