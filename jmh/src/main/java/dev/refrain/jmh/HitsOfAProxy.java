package dev.refrain.jmh;

import com.sun.net.httpserver.HttpServer;
import dev.refrain.jmh.load.ChildProxy;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import okhttp3.OkHttpClient;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * A proxy in a process of its own on this machine, whose provider gives every request the same answer. Starts
 * {@code http-frontend/target/refrain.jar}, or the jar that {@code -Drefrain.jar} names.
 */
@State(Scope.Benchmark)
public class HitsOfAProxy {
    private HttpServer provider;
    private ChildProxy proxy;

    OkHttpClient client;
    String url;

    @Setup(Level.Trial)
    public void start(ChatAnswers answers, Popularity popularity) throws IOException {
        // Without this property, which is read when the class is loaded, the JDK's server would send head and body 40
        // ms apart.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        byte[] answer = answers.answer(0);
        provider = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        provider.createContext("/", exchange -> {
            exchange.getRequestBody().readAllBytes();
            exchange.getResponseHeaders().set("Content-Type", ChatAnswers.CONTENT_TYPE);
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        provider.start();
        proxy = new ChildProxy(
                Path.of(System.getProperty("refrain.jar", "http-frontend/target/refrain.jar")),
                "512m",
                "http://127.0.0.1:" + provider.getAddress().getPort() + "/v1");
        client = new OkHttpClient();
        url = "http://127.0.0.1:" + proxy.port() + "/v1/chat/completions";
        Requests all = new Requests(popularity);
        for (int entry = 0; entry < popularity.entries(); entry++) {
            ClientHitBenchmark.call(client, url, all.to(entry));
        }
    }

    @TearDown(Level.Trial)
    public void stop() throws IOException {
        client.connectionPool().evictAll();
        proxy.close();
        provider.stop(0);
    }
}
