package dev.refrain.http.upstream;

import dev.refrain.semantics.answer.ProxyException;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Converts heads to and from HTTP/2 (RFC 9113, 8). */
final class Http2Head {
    /**
     * Fields about a connection. They are not sent to a provider, and are malformed in its answer (RFC 9113, 8.2.2).
     */
    private static final Set<String> ABOUT_CONNECTIONS =
            Set.of("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade");

    /**
     * Fields that may go into HPACK's dynamic table, where both ends keep their values while the connection lasts (RFC
     * 7541, 2.3.2). Any other field may hold a credential. That must not outlive its request, and no other request on
     * the connection may help to guess it (RFC 7541, 7.1).
     */
    private static final Set<String> KEPT = Set.of(
            ":method",
            ":scheme",
            ":authority",
            "accept",
            "accept-encoding",
            "anthropic-version",
            "content-type",
            "user-agent");

    private Http2Head() {}

    /** Whether a field must not go into HPACK's dynamic table. */
    static boolean isSensitive(CharSequence name) {
        return !KEPT.contains(name.toString());
    }

    /** The head of a request. */
    static Http2Headers of(UpstreamRequest request) {
        Http2Headers head = new DefaultHttp2Headers(false)
                .method(request.method())
                .scheme("https")
                .authority(request.origin().authority())
                .path(request.target());
        if (request.body() != null && request.body().contentLength() >= 0) {
            head.add("content-length", Long.toString(request.body().contentLength()));
        }
        for (UpstreamRequest.Line line : request.fields()) {
            String name = line.name().toLowerCase(Locale.ROOT);
            boolean isTe = name.equals("te") && !line.value().equalsIgnoreCase("trailers");
            if (!isTe && !ABOUT_CONNECTIONS.contains(name) && !name.equals("host")) {
                head.add(name, line.value());
            }
        }
        return head;
    }

    /** Bytes that count against the limit for heads: as many as in HTTP/1.1. */
    static long bytes(Http2Headers head) {
        long bytes = 0;
        for (Map.Entry<CharSequence, CharSequence> field : head) {
            bytes += field.getKey().length() + field.getValue().length() + 4L;
        }
        return bytes;
    }

    /**
     * The head of an answer, perhaps an interim one.
     *
     * @param answersHead whether the answer has no body in any case
     * @param isAll whether the stream ends with this head
     * @throws ProxyException if the head is malformed
     */
    static AnswerHead answer(Http2Headers head, boolean answersHead, boolean isAll) throws ProxyException {
        CharSequence status = head.status();
        if (status == null || status.length() != 3) {
            throw ProxyException.malformed("it has no status");
        }
        AnswerHead.Builder builder = AnswerHead.Builder.ofStatusLine("HTTP/1.1 " + status);
        addFields(head, builder, true);
        AnswerHead built = builder.build(answersHead, false);
        if (built.isInterim() && isAll) {
            throw ProxyException.malformed("it ends with an interim answer");
        }
        if (built.framing() == AnswerHead.Framing.LENGTH && built.length() > 0 && isAll) {
            throw shorter();
        }
        if (built.framing() != AnswerHead.Framing.UNTIL_CLOSED) {
            return built;
        }
        // In HTTP/2 the end of a body is marked, even if its length is not known.
        return new AnswerHead(
                true, built.status(), built.reason(), built.fields(), AnswerHead.Framing.CHUNKS, built.length());
    }

    /** The body is shorter than the head says (RFC 9113, 8.1.1). */
    static ProxyException shorter() {
        return ProxyException.malformed("its body is shorter than its Content-Length");
    }

    /** The body is longer than the head says. */
    static ProxyException longer() {
        return ProxyException.malformed("its body is longer than its Content-Length");
    }

    /** The trailer fields that follow a body. */
    static Map<String, List<String>> trailers(Http2Headers trailers) throws ProxyException {
        AnswerHead.Builder builder = new AnswerHead.Builder();
        addFields(trailers, builder, false);
        return builder.fields();
    }

    private static void addFields(Http2Headers from, AnswerHead.Builder to, boolean hasStatus) throws ProxyException {
        for (Map.Entry<CharSequence, CharSequence> field : from) {
            String name = field.getKey().toString();
            if (hasStatus && name.equals(":status")) {
                continue;
            }
            if (!HeaderCharacters.isToken(name) || !name.equals(name.toLowerCase(Locale.ROOT))) {
                throw ProxyException.malformed("its header has a field without a proper name");
            }
            if (ABOUT_CONNECTIONS.contains(name)) {
                throw ProxyException.malformed("its header has a field that HTTP/2 does not allow");
            }
            to.line(name + ":" + field.getValue());
        }
    }
}
