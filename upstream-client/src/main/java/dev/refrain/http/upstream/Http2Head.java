package dev.refrain.http.upstream;

import dev.refrain.semantics.answer.ProxyException;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Heads as HTTP/2 has them (RFC 9113, 8), to and from those that all versions of HTTP share. */
final class Http2Head {
    /** Fields about a connection: of no meaning toward a provider, and malformed in an answer (RFC 9113, 8.2.2). */
    private static final Set<String> ABOUT_CONNECTIONS =
            Set.of("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade");

    /**
     * Fields whose values both ends may keep for as long as the connection lasts, to send them once (RFC 7541, 2.3.2).
     * All others may hold a credential, which is not to outlive its request, and which nobody else's request on the
     * same connection may help to guess (RFC 7541, 7.1).
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

    /** Whether nobody may keep a field's value. */
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

    /** How much of a head's limit it takes, in bytes: as much as in HTTP/1.1. */
    static long bytes(Http2Headers head) {
        long bytes = 0;
        for (Map.Entry<CharSequence, CharSequence> field : head) {
            bytes += field.getKey().length() + field.getValue().length() + 4L;
        }
        return bytes;
    }

    /**
     * The head of an answer, or of an interim one.
     *
     * @param answersHead whether there is no body in any case
     * @param isAll whether nothing follows
     * @throws ProxyException if it is malformed
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
        // HTTP/2 says where a body ends, whether its length is known or not.
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

    /** Fields that follow a body. */
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
