package dev.refrain.http.upstream;

import java.net.URI;
import java.util.Locale;

/**
 * The host to which connections are made: the part of an upstream's URL before its path.
 *
 * @param secure whether TLS is used
 * @param host in lower case; an IPv6 address without brackets
 */
record Origin(boolean secure, String host, int port) {
    /**
     * The origin of a URL. Parses the authority itself, because {@link URI} finds no host in a name with an underscore,
     * which containers may have.
     */
    static Origin of(URI url) {
        boolean secure = url.getScheme().equalsIgnoreCase("https");
        String authority = url.getRawAuthority();
        int colon = authority.lastIndexOf(':');
        boolean hasPort = colon > authority.lastIndexOf(']');
        String host = hasPort ? authority.substring(0, colon) : authority;
        String port = hasPort ? authority.substring(colon + 1) : "";
        return new Origin(
                secure,
                host.replaceAll("[\\[\\]]", "").toLowerCase(Locale.ROOT),
                port.isEmpty() ? defaultPort(secure) : Integer.parseInt(port));
    }

    private static int defaultPort(boolean secure) {
        return secure ? 443 : 80;
    }

    /** The origin's form in a {@code Host} field (RFC 9110, 7.2). */
    String authority() {
        String name = host.indexOf(':') < 0 ? host : "[" + host + "]";
        return port == defaultPort(secure) ? name : name + ":" + port;
    }

    @Override
    public String toString() {
        return (secure ? "https://" : "http://") + authority();
    }
}
