package dev.refrain.http.server;

import dev.refrain.http2.Http2Listener;
import dev.refrain.semantics.tls.TlsFiles;
import io.undertow.protocols.ssl.UndertowXnioSsl;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xnio.ChannelListener;
import org.xnio.ChannelListeners;
import org.xnio.OptionMap;
import org.xnio.Options;
import org.xnio.Sequence;
import org.xnio.SslClientAuthMode;
import org.xnio.StreamConnection;
import org.xnio.XnioWorker;
import org.xnio.channels.AcceptingChannel;
import org.xnio.conduits.ConduitStreamSourceChannel;
import org.xnio.ssl.SslConnection;

/**
 * TLS 1.2 and 1.3 to clients, with a certificate from files. Changed files are read again, for new connections only.
 * Files that cannot be used change nothing. Thread-safe.
 */
public final class ServerTls implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ServerTls.class);

    /**
     * By this factor there may be fewer connections than without TLS, since each takes more heap. On JDK 17 an idle
     * connection takes 8.6 KB, and 3.2 KB without TLS. A stalled handshake takes 13.5 KB, and 21.5 KB in the middle of
     * a long first message. {@code SmallHeapTlsIT} reaches the limit.
     */
    static final int PARTS = 4;

    private static final Sequence<String> PROTOCOLS = Sequence.of("TLSv1.3", "TLSv1.2");
    private static final long CHECK_SECONDS = 10;

    private final Path certificate;
    private final Path key;
    private final Path clientIssuers;
    private final SSLContext first;
    private final ScheduledExecutorService checks = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "refrain-tls");
        thread.setDaemon(true);
        return thread;
    });

    /** Null until something listens. */
    private volatile UndertowXnioSsl ssl;

    /** Times and sizes of the files when they were last checked; guarded by this. */
    private List<Object> seen;

    /**
     * TLS with these files.
     *
     * @param certificate the certificate to show, followed by those of its issuers, in PEM
     * @param key the certificate's key, in PKCS #8 without a password
     * @param clientIssuers issuers of the certificates that clients have to show, or null if clients need none
     * @throws IOException if a file cannot be used; the message names the file and the reason
     */
    public ServerTls(Path certificate, Path key, Path clientIssuers) throws IOException {
        this.certificate = certificate;
        this.key = key;
        this.clientIssuers = clientIssuers;
        this.seen = look();
        this.first = TlsFiles.ofServer(certificate, key, clientIssuers);
    }

    AcceptingChannel<? extends StreamConnection> listen(
            XnioWorker worker,
            InetSocketAddress address,
            boolean http2,
            ChannelListener<StreamConnection> open,
            OptionMap options)
            throws IOException {
        // UndertowXnioSsl has larger buffers, since a whole TLS record does not fit into the server's buffers.
        ssl = new UndertowXnioSsl(worker.getXnio(), OptionMap.EMPTY, first);
        checks.scheduleWithFixedDelay(this::renew, CHECK_SECONDS, CHECK_SECONDS, TimeUnit.SECONDS);
        return ssl.createSslConnectionServer(
                worker,
                address,
                ChannelListeners.<SslConnection>openListenerAdapter(connection -> {
                    if (http2) {
                        Http2Listener.offer(UndertowXnioSsl.getSslEngine(connection));
                    }
                    ConduitStreamSourceChannel source = connection.getSourceChannel();
                    source.setConduit(new FairReads(source.getConduit()));
                    open.handleEvent(connection);
                }),
                OptionMap.builder()
                        .addAll(options)
                        .set(Options.SSL_ENABLED_PROTOCOLS, PROTOCOLS)
                        .set(Options.SSL_ENABLED_CIPHER_SUITES, Sequence.of(suites(first)))
                        .set(
                                Options.SSL_CLIENT_AUTH_MODE,
                                clientIssuers == null ? SslClientAuthMode.NOT_REQUESTED : SslClientAuthMode.REQUIRED)
                        .getMap());
    }

    /**
     * The cipher suites with forward secrecy and authenticated encryption (RFC 9325, section 4.2), in the JDK's order.
     */
    private static String[] suites(SSLContext context) {
        return Stream.of(context.getDefaultSSLParameters().getCipherSuites())
                .filter(suite -> !suite.contains("_WITH_")
                        || (suite.startsWith("TLS_ECDHE_")
                                && (suite.contains("_GCM_") || suite.contains("_CHACHA20_"))))
                .toArray(String[]::new);
    }

    /** Reads the files again if they have changed. */
    public synchronized void renew() {
        if (look().equals(seen)) {
            return;
        }
        try {
            reload();
            LOG.info("Clients are shown the new certificate in {}", certificate);
        } catch (IOException | RuntimeException e) {
            LOG.warn(
                    "The new certificate cannot be used, and clients are shown the old one: {}. Correct the files",
                    e.getMessage());
        }
    }

    /**
     * Reads the files again, changed or not.
     *
     * @return whether the files have changed since they were last checked
     * @throws IOException if one cannot be used; clients are then shown the previous certificate
     */
    public synchronized boolean reload() throws IOException {
        List<Object> before = seen;
        seen = look();
        ssl.updateSSLContext(TlsFiles.ofServer(certificate, key, clientIssuers));
        return !seen.equals(before);
    }

    private List<Object> look() {
        List<Object> found = new ArrayList<>();
        for (Path file : clientIssuers == null ? List.of(certificate, key) : List.of(certificate, key, clientIssuers)) {
            try {
                found.add(Files.getLastModifiedTime(file));
                found.add(Files.size(file));
            } catch (IOException e) {
                found.add(e.getClass());
            }
        }
        return found;
    }

    @Override
    public void close() {
        checks.shutdownNow();
    }
}
