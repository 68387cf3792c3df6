package dev.refrain.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Assumptions;

/**
 * A real server on a loopback port that keeps nothing on disk: {@code redis-server} or {@code valkey-server} from the
 * path, or the executable that {@code -Drefrain.redis} names.
 */
public final class RedisServer implements AutoCloseable {
    private static final int LOWEST_PORT = 12_000;
    private static final int HIGHEST_PORT = 22_000;
    /** How much higher the port of the cluster bus is than the node's port. */
    private static final int BUS = 10_000;

    private final int port;
    /** The configuration of a Sentinel; null for any other server. */
    private final Path sentinelFile;

    private final List<String> options;
    private Process process;

    /** Starts a server. Skips the test, with a message, if no server is installed. */
    public RedisServer(String... options) {
        this(freePort(), options);
    }

    RedisServer(int port, String... options) {
        this(port, null, options);
    }

    private RedisServer(int port, Path sentinelFile, String... options) {
        this.options = List.of(options);
        this.sentinelFile = sentinelFile;
        this.port = port;
        start();
    }

    /** Starts a Sentinel with a configuration file, which the Sentinel rewrites. */
    static RedisServer sentinel(Path file) {
        return new RedisServer(freePort(), file);
    }

    private List<String> command() {
        List<String> command = new ArrayList<>(List.of(program()));
        if (sentinelFile != null) {
            command.addAll(List.of(sentinelFile.toString(), "--sentinel"));
        }
        command.addAll(List.of("--port", "" + port, "--bind", "127.0.0.1", "--dir", "/tmp", "--daemonize", "no"));
        if (sentinelFile == null) {
            command.addAll(List.of("--save", "", "--appendonly", "no"));
            // Replication without files, which another test's server would load at its start, and without delay.
            command.addAll(List.of("--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"));
            command.addAll(List.of("--repl-diskless-load", "on-empty-db"));
        }
        command.addAll(options);
        return command;
    }

    /** The server's executable: the one that {@code -Drefrain.redis} names, or the first one on the path. */
    public static String program() {
        String named = System.getProperty("refrain.redis");
        if (named != null) {
            return named;
        }
        for (String folder : System.getenv("PATH").split(File.pathSeparator, -1)) {
            for (String name : List.of("redis-server", "valkey-server")) {
                Path file = Path.of(folder, name);
                if (Files.isExecutable(file)) {
                    return file.toString();
                }
            }
        }
        Assumptions.abort("Skipped: neither redis-server nor valkey-server is installed");
        return null;
    }

    public static int freePort() {
        return freePorts(1);
    }

    /**
     * The first of several consecutive free ports, each with its port for the cluster bus free, too. They are below the
     * ephemeral ports, so that no outgoing connection takes one before the server does.
     */
    public static int freePorts(int count) {
        while (true) {
            int first = ThreadLocalRandom.current().nextInt(LOWEST_PORT, HIGHEST_PORT - count);
            if (IntStream.range(first, first + count).allMatch(port -> isFree(port) && isFree(port + BUS))) {
                return first;
            }
        }
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.isBound();
        } catch (IOException taken) {
            return false;
        }
    }

    public void start() {
        List<String> command = command();
        try {
            process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!isUp()) {
            assertThat(process.isAlive()).as("%s is running", command).isTrue();
            assertThat(System.nanoTime()).isLessThan(end);
            LockSupport.parkNanos(1_000_000);
        }
    }

    private boolean isUp() {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    public int port() {
        return port;
    }

    public String uri() {
        return "redis://127.0.0.1:" + port;
    }

    /** Runs a command and returns the first line of the reply. */
    public String ask(String... words) {
        return ask(BufferedReader::readLine, words);
    }

    /** Runs a command whose reply is a bulk string. Returns the string, or the line of an error. */
    public String text(String... words) {
        return ask(RedisServer::bulk, words);
    }

    /** Runs a command whose reply is an array of bulk strings. */
    public List<String> list(String... words) {
        return ask(
                reader -> {
                    String head = reader.readLine();
                    assertThat(head).startsWith("*");
                    List<String> all = new ArrayList<>();
                    for (int left = Integer.parseInt(head.substring(1)); left > 0; left--) {
                        all.add(bulk(reader));
                        reader.readLine();
                    }
                    return all;
                },
                words);
    }

    private static String bulk(BufferedReader reader) throws IOException {
        String head = reader.readLine();
        if (!head.startsWith("$")) {
            return head;
        }
        char[] text = new char[Math.max(0, Integer.parseInt(head.substring(1)))];
        int count = 0;
        while (count < text.length) {
            count += reader.read(text, count, text.length - count);
        }
        return new String(text);
    }

    private interface Reply<T> {
        T read(BufferedReader reader) throws IOException;
    }

    private <T> T ask(Reply<T> reply, String... words) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            StringBuilder command = new StringBuilder("*" + words.length + "\r\n");
            for (String word : words) {
                command.append('$')
                        .append(word.length())
                        .append("\r\n")
                        .append(word)
                        .append("\r\n");
            }
            socket.getOutputStream().write(command.toString().getBytes(StandardCharsets.ISO_8859_1));
            return reply.read(
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Stops the process, which keeps its connections but answers nothing, until {@link #goOn}. */
    public void pause() {
        signal("STOP");
    }

    public void goOn() {
        signal("CONT");
    }

    private void signal(String name) {
        try {
            assertThat(new ProcessBuilder("kill", "-" + name, "" + process.pid())
                            .start()
                            .waitFor())
                    .isZero();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    public void kill() {
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        kill();
    }
}
