package dev.refrain.http.upstream;

import io.netty.util.NetUtil;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Decides which providers are reached through an HTTP proxy. There is no standard for such rules. These follow the
 * meaning of {@code HTTP_PROXY}, {@code HTTPS_PROXY} and {@code NO_PROXY} in Go's {@code net/http} and, except for
 * loopback addresses, in curl. Immutable and thread-safe.
 */
public final class ProxyRules {
    /** No proxies. */
    public static final ProxyRules NONE = new ProxyRules(null, null, "");

    /**
     * A proxy.
     *
     * @param authorization value of {@code Proxy-Authorization}, or null
     */
    record Proxy(Origin origin, String authorization) {}

    private final Proxy http;
    private final Proxy https;
    private final List<String> direct;

    /**
     * The rules of three settings.
     *
     * @param http URL of the proxy to providers without TLS, or null
     * @param https URL of the proxy to providers with TLS, or null
     * @param direct hosts that are reached without a proxy, separated by commas: names, which include all names below
     *     them, addresses, networks such as {@code 10.0.0.0/8}, or {@code *}. Names may have a port
     */
    public ProxyRules(String http, String https, String direct) {
        this.http = proxy(http);
        this.https = proxy(https);
        this.direct = Stream.of(direct.split(",", -1))
                .map(rule -> rule.strip().toLowerCase(Locale.ROOT))
                .filter(rule -> !rule.isEmpty())
                .toList();
    }

    private static Proxy proxy(String url) {
        if (url == null) {
            return null;
        }
        URI uri = URI.create(url.contains("://") ? url : "http://" + url);
        String user = uri.getRawUserInfo();
        String authority = uri.getRawAuthority();
        Origin origin = Origin.of(URI.create("http://" + authority.substring(authority.lastIndexOf('@') + 1)));
        return new Proxy(
                origin,
                user == null
                        ? null
                        : "Basic "
                                + Base64.getEncoder()
                                        .encodeToString(
                                                URLDecoder.decode(user.replace("+", "%2B"), StandardCharsets.UTF_8)
                                                        .getBytes(StandardCharsets.UTF_8)));
    }

    /** The proxy to a provider, or null if none is used. */
    Proxy to(Origin origin) {
        Proxy proxy = origin.secure() ? https : http;
        return proxy == null || isLoopback(origin.host()) || direct.stream().anyMatch(rule -> matches(rule, origin))
                ? null
                : proxy;
    }

    private static boolean isLoopback(String host) {
        byte[] address = NetUtil.createByteArrayFromIpAddressString(host);
        return host.equals("localhost")
                || (address != null
                        && (address.length == 4
                                ? address[0] == 127
                                : Arrays.equals(address, NetUtil.LOCALHOST6.getAddress())));
    }

    private static boolean matches(String rule, Origin origin) {
        if (rule.equals("*")) {
            return true;
        }
        int slash = rule.indexOf('/');
        if (slash > 0) {
            return isIn(origin.host(), rule.substring(0, slash), rule.substring(slash + 1));
        }
        String host = rule;
        if (NetUtil.createByteArrayFromIpAddressString(rule) == null) {
            int colon = rule.lastIndexOf(':');
            if (colon >= 0) {
                if (!rule.substring(colon + 1).equals(String.valueOf(origin.port()))) {
                    return false;
                }
                host = rule.substring(0, colon).replaceAll("[\\[\\]]", "");
            }
        }
        host = host.startsWith("*.") ? host.substring(1) : host;
        return host.startsWith(".")
                ? origin.host().endsWith(host)
                : origin.host().equals(host) || origin.host().endsWith("." + host);
    }

    private static boolean isIn(String host, String network, String prefix) {
        byte[] address = NetUtil.createByteArrayFromIpAddressString(host);
        byte[] base = NetUtil.createByteArrayFromIpAddressString(network);
        if (address == null || base == null || address.length != base.length || !prefix.matches("[0-9]{1,3}")) {
            return false;
        }
        int bits = Integer.parseInt(prefix);
        for (int i = 0; i < address.length && bits > 0; i++, bits -= 8) {
            int mask = bits >= 8 ? 0xFF : 0xFF << (8 - bits);
            if ((address[i] & mask) != (base[i] & mask)) {
                return false;
            }
        }
        return true;
    }
}
