package dev.refrain.http.server;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.SelfSigned;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xnio.StreamConnection;
import org.xnio.XnioIoThread;
import org.xnio.conduits.AbstractStreamSourceConduit;
import org.xnio.conduits.StreamSourceConduit;

class FairReadsTest {
    /** At most this many requests in a row are sent by the busy client. */
    private static final int MOST = 1000;

    @TempDir
    Path folder;

    private SSLContext context;
    private ServerTls tls;
    /** Server connections that have had a request, by the port of the client. */
    private final Map<Integer, StreamConnection> connections = new ConcurrentHashMap<>();

    @BeforeEach
    void makeCertificate() throws Exception {
        Path store = folder.resolve("keys.p12");
        SelfSigned.write(store);
        SelfSigned.writePem(store, folder.resolve("certificate.pem"), folder.resolve("key.pem"));
        context = SelfSigned.context(store);
        tls = new ServerTls(folder.resolve("certificate.pem"), folder.resolve("key.pem"), null);
    }

    /** Reads a byte at a time and answers nothing, as if each byte were a hit. */
    private static final class Requests extends AbstractStreamSourceConduit<StreamSourceConduit> {
        private final ByteBuffer bytes = ByteBuffer.allocate(1024);
        private final Runnable read;

        Requests(StreamConnection connection, Runnable read) {
            super(connection.getSourceChannel().getConduit());
            this.read = read;
        }

        @Override
        public int read(ByteBuffer target) throws IOException {
            int count = super.read(bytes.clear());
            if (count > 0) {
                read.run();
            }
            return Math.min(count, 0);
        }
    }

    /**
     * The busy client's next request always arrives before its listener ends; the other client has a request waiting.
     */
    @Test
    void aClientThatIsAlwaysReadyDoesNotStarveOthers() throws Exception {
        AtomicInteger ofBusy = new AtomicInteger();
        AtomicInteger ofBusyBeforeOther = new AtomicInteger();
        List<SSLSocket> pair = new CopyOnWriteArrayList<>();
        try (Listener listener = Listener.open(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                Duration.ofSeconds(20),
                tls,
                null,
                exchange -> {},
                connection -> {
                    int port =
                            connection.getPeerAddress(InetSocketAddress.class).getPort();
                    connection.getSourceChannel().setConduit(new Requests(connection, () -> {
                        connections.put(port, connection);
                        if (pair.isEmpty()) {
                            return;
                        }
                        if (port == pair.get(1).getLocalPort()) {
                            ofBusyBeforeOther.compareAndSet(0, ofBusy.get());
                        } else if (ofBusy.incrementAndGet() == 1) {
                            send(pair.get(1));
                            send(pair.get(0));
                        } else if (ofBusy.get() < MOST && ofBusyBeforeOther.get() == 0) {
                            send(pair.get(0));
                        }
                    }));
                    return () -> {};
                })) {
            List<SSLSocket> clients = new ArrayList<>();
            try {
                pair.addAll(ofOneThread(listener.address(), clients));
                send(pair.get(0));
                until(() -> ofBusyBeforeOther.get() > 0);
                assertThat(ofBusyBeforeOther.get()).isLessThan(MOST / 10);
            } finally {
                for (SSLSocket client : clients) {
                    client.close();
                }
            }
        }
    }

    /** Finds two connections, with completed handshakes, that the same I/O thread serves. */
    private List<SSLSocket> ofOneThread(InetSocketAddress address, List<SSLSocket> clients) throws IOException {
        Map<XnioIoThread, SSLSocket> first = new HashMap<>();
        while (true) {
            SSLSocket client =
                    (SSLSocket) context.getSocketFactory().createSocket(address.getAddress(), address.getPort());
            clients.add(client);
            // Sends each byte at once.
            client.setTcpNoDelay(true);
            client.startHandshake();
            send(client);
            until(() -> connections.containsKey(client.getLocalPort()));
            SSLSocket other =
                    first.putIfAbsent(connections.get(client.getLocalPort()).getIoThread(), client);
            if (other != null) {
                return List.of(other, client);
            }
        }
    }

    private static void send(SSLSocket client) {
        try {
            client.getOutputStream().write('x');
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
