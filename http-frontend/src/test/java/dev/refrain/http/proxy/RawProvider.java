package dev.refrain.http.proxy;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;

/** A provider that writes raw bytes, for cases that a well-behaved provider would not send. */
final class RawProvider implements AutoCloseable {
    /**
     * What the provider does with one request. The connection is closed afterwards, unless {@link Call#keepOpen} was
     * called.
     */
    @FunctionalInterface
    interface Script {
        void answer(Call call) throws IOException, InterruptedException;
    }

    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "raw-provider");
        thread.setDaemon(true);
        return thread;
    });
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    /** Null for no TLS. */
    private final SSLContext tls;

    private final AtomicInteger calls = new AtomicInteger();
    private final AtomicInteger connections = new AtomicInteger();
    private volatile Script script;
    private volatile boolean early;
    private volatile ServerSocket server;
    /** Done once no more connections are accepted, which may be later than the closing of the socket. */
    private volatile Future<?> accepting;

    /** A provider that answers each request with the same bytes and closes the connection. */
    RawProvider(String answer) throws IOException {
        this(call -> call.write(answer));
    }

    RawProvider(Script script) throws IOException {
        this(script, null);
    }

    /** @param tls TLS with the provider's certificate, or null for no TLS */
    RawProvider(Script script, SSLContext tls) throws IOException {
        this.script = script;
        this.tls = tls;
        listen(0);
    }

    private void listen(int port) throws IOException {
        ServerSocket socket = new ServerSocket();
        socket.setReuseAddress(true);
        socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 50);
        server = socket;
        accepting = threads.submit(() -> accept(socket));
    }

    URI base() {
        return URI.create((tls == null ? "http" : "https") + "://127.0.0.1:" + server.getLocalPort() + "/v1");
    }

    RawProvider does(Script next) {
        script = next;
        return this;
    }

    /** Runs the script before the body of a request has been read. */
    RawProvider early(boolean on) {
        early = on;
        return this;
    }

    /** Number of requests received. */
    int calls() {
        return calls.get();
    }

    /** Number of connections accepted. */
    int connections() {
        return connections.get();
    }

    /** Accepts no connections until {@link #recover}, and closes the existing ones. */
    void refuse() throws IOException {
        server.close();
        try {
            accepting.get(20, TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            throw new IOException("Connections are still taken", e);
        }
        hangUp();
    }

    void recover() throws IOException {
        listen(server.getLocalPort());
    }

    /** Closes all connections. */
    void hangUp() throws IOException {
        for (Socket socket : open) {
            socket.close();
        }
    }

    /** Reads enough of a request to keep the kernel from resetting the connection for unread bytes. */
    static void readRequest(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) in.read());
        }
        String lower = head.toString().toLowerCase(Locale.ROOT);
        int length = lower.indexOf("content-length:");
        if (length >= 0) {
            in.readNBytes(Integer.parseInt(
                    lower.substring(length + 15, lower.indexOf('\r', length)).trim()));
        }
    }

    private void accept(ServerSocket from) {
        try {
            while (true) {
                Socket socket = from.accept();
                open.add(socket);
                connections.incrementAndGet();
                threads.execute(() -> serve(socket));
            }
        } catch (IOException closed) {
            // The provider refuses connections, or was closed.
        }
    }

    private void serve(Socket socket) {
        try (Socket plain = socket;
                Socket secured = tls == null
                        ? plain
                        : tls.getSocketFactory().createSocket(plain, InputStream.nullInputStream(), true)) {
            plain.setTcpNoDelay(true);
            Call call = new Call(plain, secured, true);
            while (true) {
                calls.incrementAndGet();
                if (!early) {
                    // For unread bytes, the kernel would reset the connection.
                    call.body();
                }
                script.answer(call);
                if (!call.keepOpen) {
                    break;
                }
                call = new Call(plain, secured, false);
            }
        } catch (IOException gone) {
            // The proxy or the test has closed the connection.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            open.remove(socket);
        }
    }

    @Override
    public void close() throws IOException {
        refuse();
        threads.shutdownNow();
    }

    /** One request and its connection. */
    static final class Call {
        private final Socket connection;
        /** For reading and writing: the connection, or TLS on top of it. */
        private final Socket socket;

        private final String head;
        private String body;
        private final boolean first;
        private boolean keepOpen;

        private Call(Socket connection, Socket socket, boolean first) throws IOException {
            this.connection = connection;
            this.socket = socket;
            this.first = first;
            InputStream in = socket.getInputStream();
            StringBuilder read = new StringBuilder();
            while (read.indexOf("\r\n\r\n") < 0) {
                int b = in.read();
                if (b < 0) {
                    throw new EOFException();
                }
                read.append((char) b);
            }
            head = read.toString();
        }

        /** The head of the request, as ISO 8859-1. */
        String head() {
            return head;
        }

        /** Reads the body of the request, which must have a length. */
        String body() throws IOException {
            if (body == null) {
                String lower = head.toLowerCase(Locale.ROOT);
                int length = lower.indexOf("content-length:");
                body = length < 0
                        ? ""
                        : new String(
                                socket.getInputStream()
                                        .readNBytes(Integer.parseInt(
                                                lower.substring(length + 15, lower.indexOf('\r', length))
                                                        .trim())),
                                StandardCharsets.UTF_8);
            }
            return body;
        }

        /** Whether this is the first request on its connection. */
        boolean isFirst() {
            return first;
        }

        /** Sends bytes, given as ISO-8859-1. */
        Call write(String bytes) throws IOException {
            return write(bytes.getBytes(StandardCharsets.ISO_8859_1));
        }

        Call write(byte[] bytes) throws IOException {
            socket.getOutputStream().write(bytes);
            socket.getOutputStream().flush();
            return this;
        }

        /** Keeps the connection open for another request. */
        void keepOpen() {
            keepOpen = true;
        }

        /** Closes the connection by a reset. */
        void reset() throws IOException {
            connection.setSoLinger(true, 0);
            connection.close();
        }

        /** Reads bytes after the end of HTTP; fewer if the connection ends. */
        String read(int count) throws IOException {
            return new String(socket.getInputStream().readNBytes(count), StandardCharsets.ISO_8859_1);
        }

        /** Reads to the end of the connection. */
        byte[] readAll() throws IOException {
            return socket.getInputStream().readAllBytes();
        }

        /** Closes its sending side and only reads from here on. */
        void finishSending() throws IOException {
            socket.shutdownOutput();
        }

        /** Waits until the proxy hangs up. */
        void awaitHangUp() throws IOException {
            while (socket.getInputStream().read() >= 0) {}
        }
    }
}
