package dev.refrain.http.config;

import java.util.regex.Pattern;

/**
 * Environment variables that begin with {@code REFRAIN_} and are no settings. For each Service of a namespace,
 * Kubernetes sets variables in each container, whose names begin with the Service's name (kubernetes.io, "Environment
 * variables" of Services). A Service may be called {@code refrain} or {@code refrain-admin}. {@code bin/refrain} has a
 * variable of its own, {@code REFRAIN_JAR}.
 */
final class OthersVariables {
    private static final Pattern SERVICE = Pattern.compile(Leaf.VARIABLE_PREFIX
            + "([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|P"
            + "ORT|ADDR))?)");

    /**
     * A variable of Kubernetes, or of a port setting, such as {@code REFRAIN_PORT}. Kubernetes gives it a URL as its
     * value, which no port setting allows.
     */
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
