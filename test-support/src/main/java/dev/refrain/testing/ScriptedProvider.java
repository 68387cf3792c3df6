package dev.refrain.testing;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A provider over real sockets that runs a test's script for each request, and records the requests. */
public final class ScriptedProvider implements AutoCloseable {
    /**
     * A received request.
     *
     * @param raw the body, with a character for each byte
     */
    public record Received(String method, String uri, Headers headers, String raw) {
        /** The body as UTF-8. */
        public String body() {
            return new String(bytes(), StandardCharsets.UTF_8);
        }

        /** The body's bytes. */
        public byte[] bytes() {
            return raw.getBytes(StandardCharsets.ISO_8859_1);
        }
    }

    /** Answers requests. */
    public interface Script {
        void answer(HttpExchange exchange, Received request) throws IOException, InterruptedException;
    }

    /** A complete answer without streaming, valid for every endpoint. */
    public static final String COMPLETE = "{\"choices\":[{\"finish_reason\":\"stop\"}],\"status\":\"completed\","
            + "\"stop_reason\":\"end_turn\",\"data\":[{}]}";

    static {
        // The server writes head and body separately. Without this, each answer would wait 40 ms for an
        // acknowledgement.
        System.setProperty("sun.net.httpserver.nodelay", "true");
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<Received> received = new CopyOnWriteArrayList<>();
    private volatile Script script = (exchange, request) -> json(exchange, 200, COMPLETE);

    public ScriptedProvider() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    public URI base() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/api/v1");
    }

    public ScriptedProvider does(Script next) {
        script = next;
        return this;
    }

    public List<Received> received() {
        return received;
    }

    public int calls() {
        return received.size();
    }

    private void handle(HttpExchange exchange) {
        try (exchange) {
            Received request = new Received(
                    exchange.getRequestMethod(),
                    exchange.getRequestURI().toString(),
                    exchange.getRequestHeaders(),
                    new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.ISO_8859_1));
            received.add(request);
            script.answer(exchange, request);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    public static void json(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        if (!exchange.getResponseHeaders().containsKey("Content-Type")) {
            exchange.getResponseHeaders().set("Content-Type", "application/json");
        }
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        if (bytes.length > 0) {
            exchange.getResponseBody().write(bytes);
        }
    }

    /** Sends an event stream, each piece flushed separately. */
    public static void stream(HttpExchange exchange, String... pieces) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        // Since JDK 21 the server buffers the head until a flush or the first bytes of the body.
        exchange.getResponseBody().flush();
        write(exchange, pieces);
    }

    /** Sends more pieces of a stream. */
    public static void write(HttpExchange exchange, String... pieces) throws IOException {
        OutputStream out = exchange.getResponseBody();
        for (String piece : pieces) {
            out.write(piece.getBytes(StandardCharsets.UTF_8));
            out.flush();
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
