package dev.refrain.jmh.load;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * nginx in processes of its own, as a proxy without a cache to a provider behind TLS, whose certificate it checks. It
 * is the baseline for {@link ChildProxy} with the same provider.
 */
final class ChildNginx implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final Path folder = Files.createTempDirectory("refrain-nginx");
    private final int port;
    private final Process process;

    /**
     * Starts nginx.
     *
     * @param providerPort on 127.0.0.1, with a certificate for {@code localhost}
     * @param certificate of the trusted provider, as PEM
     * @param idleConnections limit of the idle connections to the provider that a worker keeps; 0 for none
     */
    ChildNginx(int providerPort, String certificate, int idleConnections) throws IOException {
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        Path trusted = folder.resolve("trusted.pem");
        Files.writeString(trusted, certificate);
        String keepAlive = idleConnections == 0 ? "" : "keepalive " + idleConnections + "; keepalive_requests 1000000;";
        Path file = folder.resolve("nginx.conf");
        Files.writeString(file, """
                daemon off;
                worker_processes auto;
                worker_rlimit_nofile 16384;
                user %s;
                pid %s/nginx.pid;
                error_log %s/error.log warn;
                events { worker_connections 8192; }
                http {
                  access_log off;
                  tcp_nodelay on;
                  keepalive_timeout 600s;
                  client_body_temp_path %s/body;
                  proxy_temp_path %s/proxy;
                  fastcgi_temp_path %s/fastcgi;
                  uwsgi_temp_path %s/uwsgi;
                  scgi_temp_path %s/scgi;
                  upstream provider { server 127.0.0.1:%s; %s }
                  server {
                    listen 127.0.0.1:%s backlog=4096;
                    location / {
                      proxy_pass https://provider;
                      proxy_http_version 1.1;
                      proxy_set_header Connection "";
                      proxy_connect_timeout 120s;
                      proxy_read_timeout 120s;
                      proxy_buffering off;
                      proxy_ssl_name localhost;
                      proxy_ssl_verify on;
                      proxy_ssl_trusted_certificate %s;
                    }
                  }
                }
                """.formatted(
                        System.getProperty("user.name"),
                        folder,
                        folder,
                        folder,
                        folder,
                        folder,
                        folder,
                        folder,
                        providerPort,
                        keepAlive,
                        port,
                        trusted));
        process = new ProcessBuilder("nginx", "-p", folder.toString(), "-c", file.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("output").toFile())
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(this::end, "end-of-nginx"));
        await();
    }

    private void await() throws IOException {
        long start = System.nanoTime();
        while (true) {
            try {
                new Socket(InetAddress.getLoopbackAddress(), port).close();
                return;
            } catch (IOException notYet) {
                if (!process.isAlive() || System.nanoTime() - start > PATIENCE.toNanos()) {
                    throw new IOException("nginx did not start: " + Files.readString(folder.resolve("output")), notYet);
                }
            }
        }
    }

    int port() {
        return port;
    }

    /** Processor time of all its processes. */
    Duration processorTime() {
        try (Stream<ProcessHandle> all = Stream.concat(Stream.of(process.toHandle()), process.descendants())) {
            return all.map(one -> one.info().totalCpuDuration().orElse(Duration.ZERO))
                    .reduce(Duration.ZERO, Duration::plus);
        }
    }

    /** The content of its error log. */
    String errors() throws IOException {
        Path log = folder.resolve("error.log");
        return Files.exists(log) ? Files.readString(log, StandardCharsets.UTF_8) : "";
    }

    private void end() {
        List<ProcessHandle> workers = process.descendants().toList();
        process.destroy();
        try {
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                workers.forEach(ProcessHandle::destroyForcibly);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() throws IOException {
        end();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
