package dev.refrain.http.proxy;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** A provider that answers each request with the same bytes, whatever they are, and hangs up. */
final class RawProvider implements AutoCloseable {
    private final ServerSocket server;

    RawProvider(String answer) throws IOException {
        server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread thread = new Thread(() -> serve(answer), "raw-provider");
        thread.setDaemon(true);
        thread.start();
    }

    URI base() {
        return URI.create("http://127.0.0.1:" + server.getLocalPort() + "/v1");
    }

    private void serve(String answer) {
        while (!server.isClosed()) {
            try (Socket client = server.accept()) {
                readRequest(client.getInputStream());
                client.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
                client.getOutputStream().flush();
            } catch (IOException closed) {
                // The next accept fails as well if it was the server's socket.
            }
        }
    }

    /** As much of it as keeps the kernel from resetting the connection over unread bytes. */
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

    @Override
    public void close() throws IOException {
        server.close();
    }
}
