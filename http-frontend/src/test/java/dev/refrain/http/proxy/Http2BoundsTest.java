package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.RawHttp2Client.CONTINUATION;
import static dev.refrain.http.proxy.RawHttp2Client.DATA;
import static dev.refrain.http.proxy.RawHttp2Client.END_HEADERS;
import static dev.refrain.http.proxy.RawHttp2Client.END_STREAM;
import static dev.refrain.http.proxy.RawHttp2Client.ENHANCE_YOUR_CALM;
import static dev.refrain.http.proxy.RawHttp2Client.GOAWAY;
import static dev.refrain.http.proxy.RawHttp2Client.HEADERS;
import static dev.refrain.http.proxy.RawHttp2Client.PING;
import static dev.refrain.http.proxy.RawHttp2Client.REFUSED_STREAM;
import static dev.refrain.http.proxy.RawHttp2Client.RST_STREAM;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.http.proxy.RawHttp2Client.Frame;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** How a client over HTTP/2 hears that there is no memory for its request, and how much is kept of answers' heads. */
class Http2BoundsTest extends WireTest {
    private static final int HEADER_TABLE_SIZE = 1;

    private long taken;

    /** Reserves the whole budget except for this number of bytes. */
    private void leave(long bytes) {
        MemoryBudget memory = proxy.memory();
        until(() -> {
            taken = memory.limitBytes() - bytes - memory.usedBytes();
            return memory.reserve(taken, MemoryBudget.Use.UNDER_WAY);
        });
    }

    private void giveBack() {
        proxy.memory().release(taken);
        taken = 0;
    }

    /** The request has not been processed, and may be sent again (RFC 9113, 8.7). */
    @Test
    void aRequestWithoutMemoryIsRefusedAndTheConnectionContinues() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.request(1, CHAT_REQUEST);
            assertThat(client.body(1)).isEqualTo(CHAT_ANSWER);
            until(() -> proxy.memory().usedBytes() == 0);
            // Enough to read the head, but not for the request.
            leave(4 * 1024);
            client.frame(HEADERS, END_HEADERS | END_STREAM, 3, RawHttp2Client.post(CHAT));
            assertRefused(client, 3);
            giveBack();
            client.request(5, CHAT_REQUEST);
            assertThat(client.body(5)).contains("Hello");
            assertThat(provider.calls()).isEqualTo(1);
        } finally {
            giveBack();
        }
    }

    /** Many requests at a time, of which only heads are sent, leave room for the calls of others. */
    @Test
    void unfinishedRequestsLeaveRoomForCalls() throws IOException {
        try (RawHttp2Client known = new RawHttp2Client(proxy.port()).begin();
                RawHttp2Client unknown = new RawHttp2Client(proxy.port()).begin()) {
            known.request(1, CHAT_REQUEST);
            assertThat(known.body(1)).isEqualTo(CHAT_ANSWER);
            until(() -> proxy.memory().usedBytes() == 0);
            leave(proxy.memory().limitBytes() / 16 * 5);
            byte[] head = RawHttp2Client.post(CHAT, "content-length", "" + CHAT_REQUEST.length());
            known.frame(HEADERS, END_HEADERS, 3, head);
            known.frame(HEADERS, END_HEADERS, 5, head);
            assertRefused(known, 5);
            unknown.frame(HEADERS, END_HEADERS, 1, head);
            assertRefused(unknown, 1);
            known.frame(DATA, END_STREAM, 3, CHAT_REQUEST.getBytes(StandardCharsets.US_ASCII));
            assertThat(known.body(3)).contains("Hello");
        } finally {
            giveBack();
        }
    }

    private static void assertRefused(RawHttp2Client client, int stream) throws IOException {
        Frame reset = client.read(RST_STREAM);
        assertThat(reset).isNotNull();
        assertThat(reset.stream()).isEqualTo(stream);
        assertThat(reset.number()).isEqualTo(REFUSED_STREAM);
    }

    /** The stream of the body ends, but not the connection. */
    @Test
    void aBodyWithoutMemoryEndsOnlyItsStream() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.frame(HEADERS, END_HEADERS, 1, RawHttp2Client.post(CHAT, "content-length", "30000"));
            client.frame(PING, 0, 0, new byte[8]);
            assertThat(client.read(PING)).isNotNull();
            leave(0);
            client.frame(DATA, 0, 1, new byte[10_000]);
            // Either the stream is reset, or the reader of the body answers with an error.
            Frame frame = client.read();
            while (frame != null && frame.stream() != 1) {
                frame = client.read();
            }
            assertThat(frame).isNotNull();
            giveBack();
            client.request(3, CHAT_REQUEST);
            assertThat(client.body(3)).contains("Hello");
        } finally {
            giveBack();
        }
    }

    /**
     * A head cannot be skipped, because the next one may refer to it. So the connection ends, and the client is told
     * which requests it may send again (RFC 9113, 6.8).
     */
    @Test
    void aHeadWithoutMemoryEndsTheConnectionWithGoaway() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.request(1, CHAT_REQUEST);
            assertThat(client.body(1)).isEqualTo(CHAT_ANSWER);
            until(() -> proxy.memory().usedBytes() == 0);
            leave(0);
            client.frame(HEADERS, 0, 3, RawHttp2Client.block("x-filler", "x".repeat(15_000)));
            assertEndsWithAWord(client);
            giveBack();
            assertThat(proxy.cached(CHAT, CHAT_REQUEST).statusCode()).isEqualTo(200);
        } finally {
            giveBack();
        }
    }

    /** The client keeps sending. Closing a socket with unread bytes would reset it, and the GOAWAY would be lost. */
    @Test
    void aClientThatKeepsSendingReceivesTheGoawayToo() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.request(1, CHAT_REQUEST);
            assertThat(client.body(1)).isEqualTo(CHAT_ANSWER);
            until(() -> proxy.memory().usedBytes() == 0);
            leave(0);
            ByteArrayOutputStream frames = new ByteArrayOutputStream();
            frames.writeBytes(RawHttp2Client.of(HEADERS, 0, 3, RawHttp2Client.block("x-filler", "x".repeat(15_000))));
            for (int i = 0; i < 8; i++) {
                frames.writeBytes(RawHttp2Client.of(CONTINUATION, 0, 3, new byte[16_000]));
            }
            client.write(frames.toByteArray());
            assertEndsWithAWord(client);
            assertThat(client.isReset()).isFalse();
        } finally {
            giveBack();
        }
    }

    @Test
    void anUnfinishedFrameWithoutMemoryEndsTheConnectionWithGoaway() throws IOException {
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            client.request(1, CHAT_REQUEST);
            assertThat(client.body(1)).isEqualTo(CHAT_ANSWER);
            until(() -> proxy.memory().usedBytes() == 0);
            leave(0);
            client.write(Arrays.copyOf(RawHttp2Client.of(PING + 100, 0, 0, new byte[16_000]), 10_000));
            assertEndsWithAWord(client);
        } finally {
            giveBack();
        }
    }

    private static void assertEndsWithAWord(RawHttp2Client client) throws IOException {
        Frame goAway = client.read(GOAWAY);
        assertThat(goAway).isNotNull();
        assertThat(ByteBuffer.wrap(goAway.payload()).getInt())
                .as("the last stream that is answered")
                .isEqualTo(1);
        assertThat(goAway.number()).isEqualTo(ENHANCE_YOUR_CALM);
        Frame next;
        do {
            next = client.read();
        } while (next != null);
    }

    /**
     * A client may offer a large table for heads, but only 4 KiB are kept here, the initial size of RFC 9113, 6.5.2. A
     * content type that is repeated at once takes a few bytes; after others of 4 KiB in total it is sent in full.
     */
    @Test
    void theTableForAnswersHeadsIsLimitedTo4KiB() throws IOException {
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set("Content-Type", "text/x" + request.body());
            exchange.sendResponseHeaders(200, -1);
        });
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin(HEADER_TABLE_SIZE, -1)) {
            String filler = "~".repeat(1000);
            int whole = headOf(client, 1, 0 + filler);
            assertThat(whole).isGreaterThan(1000);
            assertThat(headOf(client, 3, 0 + filler)).isLessThan(whole - 1000);
            for (int i = 1; i <= 5; i++) {
                assertThat(headOf(client, 3 + 2 * i, i + filler)).isGreaterThan(1000);
            }
            assertThat(headOf(client, 15, 0 + filler)).isGreaterThan(1000);
        }
    }

    /** Length in bytes of the head of the answer to a forwarded request. */
    private static int headOf(RawHttp2Client client, int stream, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.US_ASCII);
        client.frame(
                HEADERS,
                END_HEADERS,
                stream,
                RawHttp2Client.post("/v1/rerank", "content-length", Integer.toString(bytes.length)));
        client.frame(DATA, END_STREAM, stream, bytes);
        Frame head = client.read(HEADERS);
        assertThat(head.stream()).isEqualTo(stream);
        for (Frame frame = head; !frame.isLast(); frame = client.read()) {
            assertThat(frame).isNotNull();
        }
        return head.payload().length;
    }

    /** Changes of the table's size are announced once, before the next head, however often a client makes them. */
    @Test
    void changesOfTheTableAreNotQueued() throws IOException {
        restart(Map.of());
        try (RawHttp2Client client = new RawHttp2Client(proxy.port()).begin()) {
            for (int i = 0; i < 2_000; i++) {
                client.settings(HEADER_TABLE_SIZE, i % 2 == 0 ? 0 : 4096);
                assertThat(client.read(RawHttp2Client.SETTINGS)).isNotNull();
            }
            client.request(1, CHAT_REQUEST);
            Frame head = client.read(HEADERS);
            assertThat(head.payload().length).isLessThan(1_000);
        }
    }
}
