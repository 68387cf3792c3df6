package dev.refrain.http.config;

import java.util.regex.Pattern;

/**
 * HTTP proxies to providers.
 *
 * @param http URL of the proxy to providers without TLS, or null
 * @param https URL of the proxy to providers with TLS, or null
 * @param direct hosts that are reached without a proxy, separated by commas, or null
 */
public record ProxySettings(
        @Setting(allowed = Setting.PROXY_URL, secret = true) String http,

        @Setting(allowed = Setting.PROXY_URL, secret = true) String https,

        @Setting(allowed = "hosts separated by commas, such as .internal, 10.0.0.0/8, or *")
        String direct) {
    private static final Pattern ALLOWED =
            Pattern.compile("none|(http://)?([^@/\\s]+@)?([A-Za-z0-9._-]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?/?");

    /** Checks the URLs. */
    public ProxySettings {
        http = url(http, "http");
        https = url(https, "https");
    }

    private static String url(String url, String name) {
        InvalidSetting.unless(url == null || ALLOWED.matcher(url).matches(), name);
        return url == null || url.equals("none") ? null : url;
    }
}
