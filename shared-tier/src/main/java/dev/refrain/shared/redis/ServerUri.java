package dev.refrain.shared.redis;

import io.lettuce.core.RedisURI;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The servers that a URI names. Lettuce parses URIs of one server and of Sentinel. From a cluster's URI with several
 * addresses it loses the user, so such URIs are split into addresses here.
 *
 * @param servers one server, or the addresses by which a cluster is found
 * @param isCluster whether the addresses are those of a cluster
 */
record ServerUri(List<RedisURI> servers, boolean isCluster) {
    private static final Pattern CLUSTER = Pattern.compile("(rediss?)(-cluster)?://([^/?#]*@)?([^/?#@]+)");
    private static final Pattern ADDRESS = Pattern.compile("([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+])(:[0-9]{1,5})?");
    private static final String FORMS =
            "the URI of the shared tier is not redis://[user:password@]host[:port][/database],"
                    + " rediss:// for TLS, redis-sentinel://[user:password@]host[:port],host[:port]#master, or"
                    + " redis-cluster://[user:password@]host[:port],host[:port]";

    /**
     * Parses a URI.
     *
     * @throws IllegalArgumentException if the text is not a valid URI; the message does not quote it
     */
    static ServerUri of(String text) {
        try {
            Matcher cluster = CLUSTER.matcher(text);
            if (!cluster.matches()
                    || (cluster.group(2) == null && cluster.group(4).indexOf(',') < 0)) {
                RedisURI uri = uri(text);
                if (!uri.getSentinels().isEmpty() && uri.getSentinelMasterId() == null) {
                    throw new IllegalArgumentException("no name of a master");
                }
                return new ServerUri(List.of(uri), false);
            }
            List<RedisURI> nodes = new ArrayList<>();
            String before = cluster.group(1) + "://" + (cluster.group(3) == null ? "" : cluster.group(3));
            for (String address : cluster.group(4).split(",", -1)) {
                if (!ADDRESS.matcher(address).matches()) {
                    throw new IllegalArgumentException("no address");
                }
                nodes.add(uri(before + address));
            }
            return new ServerUri(List.copyOf(nodes), true);
        } catch (RuntimeException e) {
            // The cause may quote the password.
            throw new IllegalArgumentException(FORMS);
        }
    }

    private static RedisURI uri(String text) {
        RedisURI uri = RedisURI.create(text);
        // Otherwise Lettuce sends its own name and version to servers from version 7.2 on, by a command for which the
        // user needs a permission.
        uri.setLibraryName("");
        uri.setLibraryVersion("");
        return uri;
    }
}
