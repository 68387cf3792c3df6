package dev.refrain.semantics.answer;

/** Why there is no connection to a provider, and what an operator can do about it. */
public enum Unreachable {
    UNKNOWN_HOST(
            "unknown-host",
            "its host name is not known; have the operator check the upstream's URL and the DNS of Refrain's machine"),
    LOOK_UP_TIMED_OUT(
            "look-up-timed-out",
            "the lookup of its host name was not answered in time; have the operator check the DNS of Refrain's"
                    + " machine, or try again"),
    REFUSED(
            "connection-refused",
            "it refuses connections; have the operator check the port of the upstream's URL, or try again"),
    TIMED_OUT(
            "connect-timed-out",
            "it took no connection within timeouts.connect; have the operator check the network and firewalls, or try"
                    + " again"),
    HANDSHAKE_TIMED_OUT(
            "handshake-timed-out",
            "it did not complete the TLS handshake within timeouts.connect; have the operator check that its port"
                    + " speaks TLS, or try again"),
    HANDSHAKE(
            "handshake-failed",
            "the TLS handshake with it failed; have the operator check that it takes TLS 1.2 or 1.3, and whether it"
                    + " wants a client certificate (upstream-tls.client-certificate)"),
    SPEAKS_NO_TLS(
            "no-tls", "it does not speak TLS; have the operator write http:// in the upstream's URL, or another port"),
    SPEAKS_TLS("tls", "it speaks TLS only; have the operator write https:// in the upstream's URL, or another port"),
    CERTIFICATE(
            "certificate",
            "its certificate is not trusted; have the operator check that it is valid for its name and that its issuer"
                    + " is among those that the JVM trusts or upstream-tls.ca-file names"),
    PROXY(
            "proxy",
            "the HTTP proxy to it cannot be used; have the operator check the settings proxy.* or HTTP_PROXY and"
                    + " HTTPS_PROXY"),
    OTHER("no-connection", "it broke off before there was a connection; try again");

    private final String token;
    private final String advice;

    Unreachable(String token, String advice) {
        this.token = token;
        this.advice = advice;
    }

    /** Names this reason in the log of requests. */
    public String token() {
        return token;
    }

    /** Whether a {@link #token} names a timeout of connecting or of the TLS handshake. */
    public static boolean isTimeout(String reason) {
        return reason.equals(TIMED_OUT.token) || reason.equals(HANDSHAKE_TIMED_OUT.token);
    }

    /** What is wrong and what to do about it, as a clause for an error message. */
    public String advice() {
        return advice;
    }
}
