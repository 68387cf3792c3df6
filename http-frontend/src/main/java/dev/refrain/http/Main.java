package dev.refrain.http;

import dev.refrain.cassettes.CassetteCommand;
import dev.refrain.console.cli.Commands;
import dev.refrain.console.log.Logs;
import dev.refrain.http.config.Startup;
import dev.refrain.http.proxy.ProxyServer;
import dev.refrain.http.server.SharedPorts;
import java.io.IOException;
import java.util.List;

/** The command line: {@code java -jar refrain.jar}, for the server or for a command that asks a running one. */
public final class Main {
    private static final int CANNOT_START = 1;

    private static final String NATIVE_REFLECTION = "jdk.reflect.useNativeAccessorOnly";

    /** Netty's interval for reading the hosts file again, in nanoseconds. */
    private static final String HOSTS_FILE_INTERVAL = "io.netty.hostsFileRefreshInterval";

    /**
     * The JDK's switch against renegotiation. Renegotiation over a TLS 1.2 connection costs the server far more time
     * than the client, which makes it a means of attack.
     */
    private static final String NO_RENEGOTIATION = "jdk.tls.rejectClientInitiatedRenegotiation";

    /**
     * The JDK's list of the algorithms by which a server signs handshakes. Before JDK 25 its default has SHA-1, for
     * clients of TLS 1.2 that know nothing else. RFC 9155 forbids that.
     */
    private static final String SIGNATURES = "jdk.tls.server.SignatureSchemes";

    private static final String WITHOUT_SHA1 = "ecdsa_secp256r1_sha256,ecdsa_secp384r1_sha384,ecdsa_secp521r1_sha512,"
            + "ed25519,ed448,rsa_pss_rsae_sha256,rsa_pss_rsae_sha384,rsa_pss_rsae_sha512,"
            + "rsa_pss_pss_sha256,rsa_pss_pss_sha384,rsa_pss_pss_sha512,"
            + "rsa_pkcs1_sha256,rsa_pkcs1_sha384,rsa_pkcs1_sha512";

    private Main() {}

    /** Reads the settings, starts the server and stops it on SIGTERM. */
    @SuppressWarnings("SystemOut") // the output of a command line tool
    public static void main(String[] arguments) throws IOException {
        // Since JDK 18, the first use of each reflective call compiles a method handle. A start makes hundreds of such
        // calls, and hardly any follow later. The JDK reads this property before its first reflective call.
        setUnlessSet(NATIVE_REFLECTION, "true");
        Hangup hangup = Hangup.install();
        // By default, Netty reads the hosts file only once. The hosts files of containers change while they run.
        setUnlessSet(HOSTS_FILE_INTERVAL, "10000000000");
        setUnlessSet(NO_RENEGOTIATION, "true");
        setUnlessSet(SIGNATURES, WITHOUT_SHA1);
        SharedPorts.install();
        Logging.configure();
        if (List.of(arguments).equals(List.of("rehearse"))) {
            hangup.endsProcess();
            Rehearsal.run();
            return;
        }
        if (Commands.isAskedFor(arguments)) {
            hangup.endsProcess();
            System.exit(
                    Commands.run(arguments, System.getenv(), new StoredAnswers(), System.in, System.out, System.err));
        }
        if (CassetteCommand.isAskedFor(arguments)) {
            hangup.endsProcess();
            System.exit(CassetteCommand.run(arguments, System.getenv(), RecordingProxy::start));
        }
        boolean isRoomForLibraries = TemporaryFolder.isUsable();
        if (isRoomForLibraries) {
            Preload.begin();
        }
        Startup startup = Startup.parse(arguments, System.getenv());
        if (startup instanceof Startup.Exit exit) {
            (exit.status() == 0 ? System.out : System.err).println(exit.text());
            System.exit(exit.status());
        } else if (startup instanceof Startup.Run run) {
            if (!isRoomForLibraries) {
                TemporaryFolder.ensure(run.settings().store());
            }
            Logs.use(run.settings().log().format(), run.settings().log().level());
            try {
                ProxyServer server = ProxyServer.start(
                        run.settings(), () -> Startup.read(arguments, System.getenv()), Main::closeAtTheEnd);
                System.out.println(server.describe());
                hangup.started(server::reload);
            } catch (IOException | IllegalStateException | IllegalArgumentException e) {
                System.err.println("refrain: " + e.getMessage());
                System.exit(CANNOT_START);
            }
        }
    }

    private static void setUnlessSet(String property, String value) {
        System.setProperty(property, System.getProperty(property, value));
    }

    private static void closeAtTheEnd(ProxyServer server) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(server), "refrain-shutdown"));
    }

    @SuppressWarnings("SystemOut") // the output of a command line tool
    private static void end(ProxyServer server) {
        server.close();
        if (server.cassettes() != null) {
            System.err.println(server.cassettes().summary(null));
        }
    }
}
