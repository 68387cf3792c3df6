package dev.refrain.http2;

import io.netty.handler.codec.http2.Http2Headers;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;

/**
 * Converts the head of a request from HTTP/2 to HTTP/1.1 (RFC 9113, 8.3.1). Each byte is checked, because HTTP/1.1 ends
 * lines by certain bytes, and no value may introduce another field.
 */
final class RequestHead {
    /** Fields that HTTP/2 forbids (RFC 9113, 8.2.2). */
    private static final Set<String> ABOUT_CONNECTIONS =
            Set.of("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade");

    private static final boolean[] TOKEN = new boolean[128];

    static {
        for (char c : "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz".toCharArray()) {
            TOKEN[c] = true;
        }
    }

    private byte[] bytes = new byte[1024];
    private int length;

    private boolean hasHost;
    private boolean hasLength;

    private RequestHead() {}

    /** A head in HTTP/1.1; null if it is malformed. */
    static RequestHead of(Http2Headers fields, boolean isAll) {
        RequestHead head = new RequestHead();
        return head.write(fields, isAll) ? head : null;
    }

    byte[] bytes() {
        return Arrays.copyOf(bytes, length);
    }

    /** Whether the body is sent in chunks, because its length is not known. */
    boolean isChunked(boolean isAll) {
        return !isAll && !hasLength;
    }

    private boolean write(Http2Headers fields, boolean isAll) {
        CharSequence method = fields.method();
        CharSequence path = fields.path();
        if (method == null || !isToken(method, true)) {
            return false;
        }
        CharSequence authority = fields.authority();
        boolean isConnect = "CONNECT".contentEquals(method);
        CharSequence target = isConnect ? authority : path;
        if (target == null || target.length() == 0 || !isVisible(target)) {
            return false;
        }
        if (!isConnect && (fields.scheme() == null || (target.charAt(0) != '/' && !"*".contentEquals(target)))) {
            return false;
        }
        add(method);
        add(" ");
        add(target);
        add(" HTTP/1.1\r\n");
        CharSequence asked = authority != null ? authority : fields.get("host");
        if (asked != null && !line("host", asked)) {
            return false;
        }
        StringBuilder cookies = null;
        for (Map.Entry<CharSequence, CharSequence> field : fields) {
            CharSequence name = field.getKey();
            CharSequence value = field.getValue();
            if (name.length() > 0 && name.charAt(0) == ':') {
                continue;
            }
            String known = name.toString();
            if (!isToken(name, false) || ABOUT_CONNECTIONS.contains(known)) {
                return false;
            }
            switch (known) {
                case "host" -> {
                    // At most one Host field, as in HTTP/1.1 (RFC 9112, 3.2), and its value is that of the authority.
                    if (hasHost || !value.toString().equalsIgnoreCase(asked.toString())) {
                        return false;
                    }
                    hasHost = true;
                    continue;
                }
                case "te" -> {
                    if (!"trailers".contentEquals(value)) {
                        return false;
                    }
                    continue;
                }
                case "cookie" -> {
                    // Clients may split cookies for better compression (RFC 9113, 8.2.3).
                    cookies = cookies == null ? new StringBuilder() : cookies.append("; ");
                    cookies.append(value);
                    continue;
                }
                case "content-length" -> {
                    if (hasLength) {
                        return false;
                    }
                    hasLength = true;
                }
                default -> {}
            }
            if (!line(name, value)) {
                return false;
            }
        }
        if (cookies != null && !line("cookie", cookies)) {
            return false;
        }
        add(isChunked(isAll) ? "transfer-encoding: chunked\r\n\r\n" : "\r\n");
        return true;
    }

    private boolean line(CharSequence name, CharSequence value) {
        if (!isValue(value)) {
            return false;
        }
        add(name);
        add(": ");
        add(value);
        add("\r\n");
        return true;
    }

    private void add(CharSequence text) {
        int count = text.length();
        if (length + count > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, length + count));
        }
        for (int i = 0; i < count; i++) {
            bytes[length++] = (byte) text.charAt(i);
        }
    }

    private static boolean isToken(CharSequence text, boolean mayBeUpper) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean isUpper = c >= 'A' && c <= 'Z';
            if (c >= TOKEN.length || !(TOKEN[c] || (mayBeUpper && isUpper))) {
                return false;
            }
        }
        return text.length() > 0;
    }

    private static boolean isVisible(CharSequence text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c <= ' ' || c == 0x7F || c > 0xFF) {
                return false;
            }
        }
        return true;
    }

    /** Whether a text is a valid field value (RFC 9113, 8.2.1 and RFC 9110, 5.5). */
    private static boolean isValue(CharSequence text) {
        int last = text.length() - 1;
        if (last >= 0 && (isBlank(text.charAt(0)) || isBlank(text.charAt(last)))) {
            return false;
        }
        for (int i = 0; i <= last; i++) {
            char c = text.charAt(i);
            if ((c < ' ' && c != '\t') || c == 0x7F || c > 0xFF) {
                return false;
            }
        }
        return true;
    }

    private static boolean isBlank(char c) {
        return c == ' ' || c == '\t';
    }
}
