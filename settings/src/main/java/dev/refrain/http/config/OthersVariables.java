package dev.refrain.http.config;

import java.util.regex.Pattern;

/**
 * Environment variables that begin with {@code REFRAIN_} and are no settings. Kubernetes puts some into each container
 * for each Service of its namespace, under the Service's name (kubernetes.io, "Environment variables" of Services), so
 * for one that is called {@code refrain} or {@code refrain-admin}; {@code bin/refrain} has one of its own.
 */
final class OthersVariables {
    private static final Pattern SERVICE = Pattern.compile(Leaf.VARIABLE_PREFIX
            + "([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|P"
            + "ORT|ADDR))?)");

    /** The name may be that of a setting, but the value cannot be. */
    private static final Pattern SERVICE_PORT = Pattern.compile(Leaf.VARIABLE_PREFIX + "([A-Z0-9_]+_)?PORT");

    private static final Pattern SERVICE_URL = Pattern.compile("(tcp|udp|sctp)://.*");

    private OthersVariables() {}

    static boolean has(String name, String value) {
        return name.equals("REFRAIN_JAR")
                || SERVICE.matcher(name).matches()
                || (SERVICE_PORT.matcher(name).matches()
                        && SERVICE_URL.matcher(value).matches());
    }
}
