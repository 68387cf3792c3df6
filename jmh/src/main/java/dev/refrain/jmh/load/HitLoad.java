package dev.refrain.jmh.load;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Measures what the log of requests costs a hit: {@code HitLoad [jar] [seconds] [rounds] [other jar]}.
 *
 * <p>Starts the proxy with the log and without, and optionally another build of it. Loads them in turn with hits of
 * about 4 KiB over a few persistent connections. Prints hits a second and the proxy's processor time for a hit, in
 * total and by threads, for each round and as medians; the clients' load does not affect this time. For each contender
 * it compares each round with the adjacent round without a log, and prints the median and quartiles of the extra cost.
 */
public final class HitLoad {
    private static final int CONNECTIONS = 16;
    private static final int QUESTIONS = 512;
    /** Finds the length in an answer's head, wherever the field is. */
    private static final Pattern HEAD = Pattern.compile("(?is)content-length: *(\\d+)(?=\r\n).*?\r\n\r\n");

    private static final List<byte[]> REQUESTS =
            IntStream.range(0, QUESTIONS).mapToObj(HitLoad::request).toList();

    /** Parts of a hit's processor time, by the beginnings of threads' names; the last part is all other threads. */
    private static final List<Map.Entry<String, List<String>>> PARTS = List.of(
            Map.entry("I/O", List.of("XNIO-1 I/O")),
            Map.entry("log", List.of("refrain-activit")),
            Map.entry("collector", List.of("G1 ", "GC Thread", "VM Thread")),
            Map.entry("compiler", List.of("C1 Compiler", "C2 Compiler")),
            Map.entry("others", List.of("")));

    /**
     * The figures of one round.
     *
     * @param parts microseconds for a hit, one for each of {@link #PARTS}
     */
    private record Round(double hitsPerSecond, double microsPerHit, List<Double> parts) {}

    /** A proxy under load, and its results. */
    private record Contender(String name, ChildProxy proxy, List<Round> rounds) {}

    private HitLoad() {}

    /** See the description of the class. */
    public static void main(String[] args) throws Exception {
        Path jar = Path.of(args.length > 0 ? args[0] : "http-frontend/target/refrain.jar");
        int seconds = args.length > 1 ? Integer.parseInt(args[1]) : 5;
        int rounds = args.length > 2 ? Integer.parseInt(args[2]) : 7;
        List<Contender> contenders = new ArrayList<>();
        HttpServer provider = provider();
        try {
            contenders.add(start("log on", jar, provider, Map.of()));
            contenders.add(start("log off", jar, provider, Map.of("REFRAIN_ACTIVITY_MAX_SIZE", "0")));
            if (args.length > 3) {
                contenders.add(start("other build", Path.of(args[3]), provider, Map.of()));
            }
            // Warm-up: the first requests are misses, and the first hundred thousand hits compile the code.
            for (int i = 0; i < 4; i++) {
                for (Contender contender : contenders) {
                    load(contender.proxy(), seconds);
                }
            }
            for (int i = 0; i < rounds; i++) {
                for (Contender contender : contenders) {
                    Round round = load(contender.proxy(), seconds);
                    contender.rounds().add(round);
                    print(contender.name(), round);
                }
            }
            for (Contender contender : contenders) {
                print("median, " + contender.name(), median(contender.rounds()));
            }
            Contender without = contenders.remove(1);
            contenders.forEach(contender -> compare(contender, without));
            contenders.add(without);
        } finally {
            for (Contender contender : contenders) {
                contender.proxy().close();
            }
            provider.stop(0);
        }
    }

    private static Contender start(String name, Path jar, HttpServer provider, Map<String, String> variables)
            throws IOException {
        return new Contender(
                name,
                new ChildProxy(
                        jar, "512m", "http://127.0.0.1:" + provider.getAddress().getPort() + "/v1", variables),
                new ArrayList<>());
    }

    private static void print(String name, Round round) {
        StringBuilder parts = new StringBuilder();
        for (int i = 0; i < PARTS.size(); i++) {
            parts.append(String.format(
                    Locale.ROOT,
                    "  %s %.2f",
                    PARTS.get(i).getKey(),
                    round.parts().get(i)));
        }
        System.out.printf(
                Locale.ROOT,
                "%-20s %,9.0f hits/s %7.2f us of processor time for a hit:%s%n",
                name,
                round.hitsPerSecond(),
                round.microsPerHit(),
                parts);
    }

    private static void compare(Contender contender, Contender without) {
        double[] time = new double[contender.rounds().size()];
        double[] hits = new double[time.length];
        for (int i = 0; i < time.length; i++) {
            Round with = contender.rounds().get(i);
            Round other = without.rounds().get(i);
            time[i] = 100 * (with.microsPerHit() / other.microsPerHit() - 1);
            hits[i] = 100 * (with.hitsPerSecond() / other.hitsPerSecond() - 1);
        }
        Arrays.sort(time);
        Arrays.sort(hits);
        System.out.printf(
                Locale.ROOT,
                "%s against %s: processor time for a hit %+.1f %% (quartiles %+.1f, %+.1f), hits a second %+.1f %% "
                        + "(%+.1f, %+.1f)%n",
                contender.name(),
                without.name(),
                median(time),
                time[time.length / 4],
                time[time.length * 3 / 4],
                median(hits),
                hits[hits.length / 4],
                hits[hits.length * 3 / 4]);
    }

    private static Round median(List<Round> rounds) {
        List<Double> parts = IntStream.range(0, PARTS.size())
                .mapToObj(part -> median(rounds.stream()
                        .mapToDouble(round -> round.parts().get(part))
                        .toArray()))
                .toList();
        return new Round(
                median(rounds.stream().mapToDouble(Round::hitsPerSecond).toArray()),
                median(rounds.stream().mapToDouble(Round::microsPerHit).toArray()),
                parts);
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }

    private static Round load(ChildProxy proxy, int seconds) throws Exception {
        Map<String, Long> before = proxy.threadNanos();
        long start = System.nanoTime();
        long end = start + seconds * 1_000_000_000L;
        ExecutorService threads = Executors.newFixedThreadPool(CONNECTIONS);
        try {
            List<Future<Long>> clients = new ArrayList<>();
            for (int i = 0; i < CONNECTIONS; i++) {
                int first = i * QUESTIONS / CONNECTIONS;
                clients.add(threads.submit(() -> ask(proxy.port(), first, end)));
            }
            long hits = 0;
            for (Future<Long> client : clients) {
                hits += client.get();
            }
            double hitsPerSecond = hits * 1e9 / (System.nanoTime() - start);
            double[] parts = new double[PARTS.size()];
            for (Map.Entry<String, Long> thread : proxy.threadNanos().entrySet()) {
                long nanos = thread.getValue() - before.getOrDefault(thread.getKey(), 0L);
                parts[part(thread.getKey())] += nanos / 1000.0 / hits;
            }
            return new Round(
                    hitsPerSecond,
                    Arrays.stream(parts).sum(),
                    Arrays.stream(parts).boxed().toList());
        } finally {
            threads.shutdownNow();
        }
    }

    private static int part(String thread) {
        return IntStream.range(0, PARTS.size())
                .filter(i -> PARTS.get(i).getValue().stream().anyMatch(thread::startsWith))
                .findFirst()
                .orElseThrow();
    }

    /** One client: sends request after request until the end, and counts the answers. */
    private static long ask(int port, int first, long end) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setTcpNoDelay(true);
            byte[] buffer = new byte[64 * 1024];
            long answers = 0;
            for (int i = first; System.nanoTime() < end; i++) {
                socket.getOutputStream().write(REQUESTS.get(i % QUESTIONS));
                readAnswer(socket.getInputStream(), buffer);
                answers++;
            }
            return answers;
        }
    }

    private static byte[] request(int question) {
        String body = "{\"model\":\"acme/large\",\"messages\":[{\"role\":\"user\",\"content\":\"" + question + " "
                + "why is the sky blue ".repeat(50) + "\"}]}";
        return ("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                        + "sk-load\r\nX-OpenRouter-Cache: true\r\n"
                        + "X-OpenRouter-Cache-TTL: 86400\r\nContent-Type: application/json\r\nContent-Length: "
                        + body.length() + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Reads an answer with a length; all answers of this load have one. */
    private static void readAnswer(InputStream in, byte[] buffer) throws IOException {
        int have = 0;
        int wanted = Integer.MAX_VALUE;
        while (have < wanted) {
            int count = in.read(buffer, have, buffer.length - have);
            if (count < 0) {
                throw new IOException("the proxy has closed the connection");
            }
            have += count;
            if (wanted == Integer.MAX_VALUE) {
                Matcher head = HEAD.matcher(new String(buffer, 0, have, StandardCharsets.ISO_8859_1));
                if (head.find()) {
                    wanted = head.end() + Integer.parseInt(head.group(1));
                }
            }
        }
    }

    private static HttpServer provider() throws IOException {
        byte[] answer = ("{\"id\":\"chatcmpl-1\",\"created\":1700000000,\"choices\":[{\"message\":{\"content\":\""
                        + "it scatters blue light more than red ".repeat(110)
                        + "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":250,"
                        + "\"completion_tokens\":1000}}")
                .getBytes(StandardCharsets.ISO_8859_1);
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            exchange.getRequestBody().readAllBytes();
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
        return server;
    }
}
