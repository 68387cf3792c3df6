package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.semantics.forward.AnswerFields;
import dev.refrain.testing.Http2Provider;
import dev.refrain.testing.Http2Provider.Request;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests and answers over HTTP/2. */
class Http2CallTest extends Http2Test {
    private final BlockingQueue<Request> asked = new LinkedBlockingQueue<>();

    @Test
    void aRequestIsConvertedToHttp2() throws Exception {
        start(connection -> {
            connection.greet();
            while (true) {
                Request request = connection.request();
                asked.add(request);
                connection.answer(request.stream(), OK);
            }
        });
        String body = "x".repeat(300_000);
        CollectedAnswer answer = call(request(
                "POST",
                new HeldBody(body.getBytes(StandardCharsets.UTF_8)),
                "Authorization",
                "Bearer sk",
                "Connection",
                "keep-alive",
                "TE",
                "gzip",
                "Cookie",
                "a=1",
                "Cookie",
                "b=2",
                "X-Name",
                "gr\u00fc\u00dfe"));
        assertThat(answer.text()).isEqualTo(OK);
        Request request = asked.take();
        assertThat(request.header(":method")).isEqualTo("POST");
        assertThat(request.header(":scheme")).isEqualTo("https");
        assertThat(request.header(":authority")).isEqualTo(new Origin(true, "127.0.0.1", provider.port()).authority());
        assertThat(request.header(":path")).isEqualTo("/v1/chat?x=1");
        assertThat(request.header("content-length")).isEqualTo("300000");
        assertThat(request.header("authorization")).isEqualTo("Bearer sk");
        assertThat(request.head().getAll("cookie")).hasToString("[a=1, b=2]");
        assertThat(request.header("x-name")).isEqualTo("gr\u00fc\u00dfe");
        assertThat(request.head().contains("connection")).isFalse();
        assertThat(request.head().contains("te")).isFalse();
        assertThat(request.head().contains("host")).isFalse();
        assertThat(request.body()).isEqualTo(body);

        assertThat(call(request("GET", null, "TE", "trailers")).text()).isEqualTo(OK);
        request = asked.take();
        assertThat(request.body()).isNull();
        assertThat(request.header("te")).isEqualTo("trailers");
        assertThat(request.head().contains("content-length")).isFalse();
        assertThat(provider.connections).hasValue(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"head", "chunk", "end"})
    void aSinkThatThrowsHearsOfTheFailureAndOtherCallsContinue(String where) throws Exception {
        start(connection -> {
            connection.greet();
            answerAll(connection);
        });
        BrokenAnswer answer = new BrokenAnswer(where);
        fetch(request("GET", null), answer);
        assertThat(answer.failure()).hasRootCauseInstanceOf(InternalError.class);
        assertThat(call(request("GET", null)).text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(1);
    }

    /** Whoever reads the memory of either end, or measures the size of requests, must not learn a key. */
    @Test
    void credentialsAreNeverIndexed() throws Exception {
        BlockingQueue<String> blocks = new LinkedBlockingQueue<>();
        start(connection -> {
            connection.listener = frame -> {
                if (frame.type() == Http2Provider.HEADERS) {
                    blocks.add(frame.payload());
                }
            };
            connection.greet();
            answerAll(connection);
        });
        for (int i = 0; i < 3; i++) {
            call(request("GET", null, "X-Api-Key", "sk-secret", "User-Agent", "agent/1"))
                    .text();
            String block = blocks.take();
            assertThat(block).contains("sk-secret", "/v1/chat");
            assertThat(block.contains("agent/1")).isEqualTo(i == 0);
        }
    }

    @Test
    void anAnswerIsConvertedFromHttp2() throws Exception {
        start(connection -> {
            connection.greet();
            int stream = connection.request().stream();
            connection.headers(stream, false, ":status", "103", "link", "</x>");
            connection.headers(stream, false, ":status", "404", "content-type", "text/plain", "x-a", "1", "x-a", "2");
            connection.data(stream, false, "no");
            connection.data(stream, false, "");
            connection.data(stream, false, "ne");
            connection.headers(stream, true, "x-sum", "7");
            connection.drain();
        });
        CollectedAnswer answer = post("{}");
        assertThat(answer.text()).isEqualTo("none");
        assertThat(interims.take().status()).isEqualTo(103);
        assertThat(answer.head.join().status()).isEqualTo(404);
        assertThat(answer.head.join().contentType()).isEqualTo("text/plain");
        assertThat(answer.head.join().contentLength()).isEqualTo(-1);
        AnswerFields fields = (AnswerFields) answer.head.join().fields();
        assertThat(fields.get("x-a")).containsExactly("1", "2");
        assertThat(fields.get(":status")).isNull();
        assertThat(fields.reason()).isEmpty();
        assertThat(fields.trailers()).containsKey("x-sum");
    }

    @ParameterizedTest
    @ValueSource(strings = {"204", "304"})
    void anAnswerWithoutBodyEndsWithItsHead(String status) throws Exception {
        start(connection -> {
            connection.greet();
            while (true) {
                connection.headers(connection.request().stream(), true, ":status", status);
            }
        });
        assertThat(post("{}").text()).isEmpty();
        assertThat(post("{}").text()).isEmpty();
        assertThat(provider.connections).hasValue(1);
    }

    @Test
    void anAnswerToHeadMayHaveALength() throws Exception {
        start(connection -> {
            connection.greet();
            connection.headers(connection.request().stream(), true, ":status", "200", "content-length", "99");
            connection.drain();
        });
        CollectedAnswer answer = call(request("HEAD", null));
        assertThat(answer.text()).isEmpty();
        assertThat(answer.head.join().contentLength()).isEqualTo(99);
    }

    /** HTTP/1.1 is used if the provider does not offer HTTP/2, or if the client must not use it. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void http1IsUsedOtherwise(boolean isOffered) throws Exception {
        BlockingQueue<String> heads = new LinkedBlockingQueue<>();
        Http2Provider.Script script = connection -> {
            StringBuilder head = new StringBuilder();
            while (head.indexOf("\r\n\r\n") < 0) {
                head.append((char) connection.byteRead());
            }
            heads.add(connection.protocol + " " + head);
            connection.raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".getBytes(StandardCharsets.UTF_8));
        };
        provider = isOffered ? new Http2Provider(script) : new Http2Provider(script, "http/1.1");
        client = client(LONG, LONG, LONG, LONG, !isOffered);
        assertThat(call(request("GET", null)).text()).isEqualTo("{}");
        assertThat(heads.take())
                .startsWith(isOffered ? " GET /v1/chat?x=1 HTTP/1.1\r\n" : "http/1.1 GET /v1/chat?x=1 HTTP/1.1\r\n");
    }

    @Test
    void anEarlyAnswerStopsTheRequest() throws Exception {
        BlockingQueue<Integer> codes = new LinkedBlockingQueue<>();
        start(connection -> {
            connection.greet();
            int stream = connection.next(Http2Provider.HEADERS).stream();
            connection.answer(stream, OK);
            codes.add((int) connection.next(Http2Provider.RST_STREAM).payload().charAt(3));
            answerAll(connection);
        });
        assertThat(post("x".repeat(1_000_000)).text()).isEqualTo(OK);
        assertThat(codes.take()).isZero();
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(1);
    }

    @Test
    void theConnectionCanBeUsedAgainAfterTheLastByte() throws Exception {
        start(connection -> {
            connection.greet(Http2Provider.MAX_CONCURRENT_STREAMS, 1);
            answerAll(connection);
        });
        CollectedAnswer second = new CollectedAnswer();
        CollectedAnswer first = new CollectedAnswer() {
            @Override
            public void end() {
                fetch(request("GET", null), second);
                super.end();
            }
        };
        fetch(request("GET", null), first);
        assertThat(first.text()).isEqualTo(OK);
        assertThat(second.text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(1);
    }
}
