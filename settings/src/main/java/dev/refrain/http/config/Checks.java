package dev.refrain.http.config;

import dev.refrain.engine.CacheControls;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Checks that several groups of settings share. A failed check throws {@link InvalidSetting} with the given name. */
final class Checks {
    private static final Pattern HOST_AND_PORT =
            Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*(:[0-9]{1,4}|:[1-5][0-9]{4})?");

    private Checks() {}

    static void positive(Duration duration, String name) {
        InvalidSetting.unless(!duration.isZero(), name);
    }

    static void ttl(Duration ttl, Duration most, String name) {
        InvalidSetting.unless(ttl.compareTo(CacheControls.MIN_TTL) >= 0 && ttl.compareTo(most) <= 0, name);
    }

    /** The items of a list separated by commas; {@code none} has no item. */
    static List<String> items(String list) {
        return list.equals("none")
                ? List.of()
                : Stream.of(list.split(",", -1)).map(String::strip).toList();
    }

    /** A provider's URL without trailing slashes, so that a path suffix can be appended; null if the URL is null. */
    static URI baseUrl(URI url, String name) {
        if (url == null) {
            return null;
        }
        InvalidSetting.unless(
                ("http".equalsIgnoreCase(url.getScheme()) || "https".equalsIgnoreCase(url.getScheme()))
                        && hasHost(url)
                        && url.getRawUserInfo() == null
                        && url.getRawQuery() == null
                        && url.getRawFragment() == null,
                name);
        return URI.create(url.toString().replaceAll("/+$", ""));
    }

    /**
     * Whether a URL names a host. {@link URI#getHost} is null for a host with an underscore, which hosts of containers
     * may have.
     */
    private static boolean hasHost(URI url) {
        if (url.getHost() != null) {
            return url.getPort() <= 65_535;
        }
        return url.getRawAuthority() != null
                && HOST_AND_PORT.matcher(url.getRawAuthority()).matches();
    }
}
