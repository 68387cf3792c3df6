package dev.refrain.http.upstream;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.semantics.answer.ProxyException;
import java.net.http.HttpHeaders;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Locale;

/**
 * Reads the head of a provider's answer.
 *
 * <p>One that leaves open where its body ends is refused (RFC 9112, 6.3): the HTTP client takes a guess at it, and a
 * wrong guess is a cut or spoilt answer that looks whole. It reads the first of several lengths, a length in place of
 * chunks, and past any other transfer coding.
 */
final class AnswerHead {
    private AnswerHead() {}

    /** @throws ProxyException if nobody can tell where the body ends */
    static ResponseHead of(HttpResponse.ResponseInfo info) throws ProxyException {
        HttpHeaders fields = info.headers();
        return new ResponseHead(
                info.statusCode(),
                fields.firstValue("Content-Type").orElse(null),
                contentEncoding(fields),
                contentLength(fields),
                fields.firstValue("X-Generation-Id").filter(id -> !id.isBlank()).orElse(null),
                null,
                fields.map());
    }

    /** Whether another call may follow on the answer's connection. */
    static boolean keepsConnection(HttpResponse.ResponseInfo info) {
        return info.headers().allValues("Connection").stream()
                .noneMatch(options -> options.toLowerCase(Locale.ROOT).contains("close"));
    }

    private static String contentEncoding(HttpHeaders fields) {
        String codings = String.join(", ", fields.allValues("Content-Encoding"));
        return codings.isBlank() || codings.equalsIgnoreCase("identity") ? null : codings;
    }

    private static long contentLength(HttpHeaders fields) throws ProxyException {
        List<String> lengths = fields.allValues("Content-Length");
        List<String> codings = fields.allValues("Transfer-Encoding");
        if (!codings.isEmpty()) {
            if (!lengths.isEmpty()) {
                throw ProxyException.malformed("it has both a Content-Length and a Transfer-Encoding");
            }
            if (codings.size() > 1 || !codings.get(0).equalsIgnoreCase("chunked")) {
                throw ProxyException.malformed("its Transfer-Encoding is not just chunked");
            }
            return -1;
        }
        if (lengths.isEmpty()) {
            return ResponseHead.ENDS_WITH_CONNECTION;
        }
        String length = lengths.get(0);
        // The same length several times is one length.
        if (lengths.stream().distinct().count() > 1 || !length.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw ProxyException.malformed("its Content-Length is not one number");
        }
        try {
            return Long.parseLong(length);
        } catch (NumberFormatException emptyOrTooLarge) {
            throw ProxyException.malformed("its Content-Length is not one number");
        }
    }
}
