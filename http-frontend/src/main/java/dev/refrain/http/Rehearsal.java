package dev.refrain.http;

import dev.refrain.http.config.Startup;
import dev.refrain.http.proxy.ProxyServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A short run of a server from which the JVM makes a class archive: start, a miss and a hit of each kind, stop. With
 * {@code -XX:ArchiveClassesAtExit=FILE} the JVM archives the classes that it has loaded, and with
 * {@code -XX:SharedArchiveFile=FILE} later starts load them from the archive (JEP 350). From JDK 25 on, the flags are
 * {@code -XX:AOTCacheOutput} and {@code -XX:AOTCache} (JEP 514).
 */
final class Rehearsal {
    private static final String MESSAGES = "\"messages\":[{\"role\":\"user\",\"content\":\"Say hello\"}]}";
    private static final Map<String, List<String>> REQUESTS = Map.of(
            "/v1/chat/completions", List.of("{\"model\":\"demo\",", "{\"model\":\"demo\",\"stream\":true,"),
            "/v1/messages", List.of("{\"model\":\"demo\",\"max_tokens\":9,"));

    /** A miss, a hit, and a hit through the shortcut. */
    private static final int TIMES = 3;

    private Rehearsal() {}

    static void run() throws IOException {
        Preload.begin();
        Path folder = Files.createTempDirectory("refrain-rehearsal");
        try {
            String[] arguments = {
                "--port", "0", "--admin-port", "0", "--capacity", "16MiB", "--store", folder.resolve("answers") + ""
            };
            Startup.Run run = (Startup.Run) Startup.parse(arguments, Map.of());
            try (ProxyServer server = ProxyServer.start(run.settings())) {
                server.describe();
                for (int time = 0; time < TIMES; time++) {
                    ask(server.address().getPort());
                }
            }
        } finally {
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(folder);
        }
    }

    private static void ask(int port) throws IOException {
        for (Map.Entry<String, List<String>> requests : REQUESTS.entrySet()) {
            for (String begin : requests.getValue()) {
                HttpURLConnection call =
                        (HttpURLConnection) new URL("http://127.0.0.1:" + port + requests.getKey()).openConnection();
                call.setDoOutput(true);
                call.setRequestProperty("X-OpenRouter-Cache", "true");
                call.getOutputStream().write((begin + MESSAGES).getBytes(StandardCharsets.UTF_8));
                try (InputStream answer = call.getInputStream()) {
                    answer.readAllBytes();
                }
            }
        }
    }
}
