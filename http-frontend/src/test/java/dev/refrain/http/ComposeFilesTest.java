package dev.refrain.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.SharedTier;
import dev.refrain.shared.redis.RedisTier;
import dev.refrain.shared.redis.RedisTierSettings;
import dev.refrain.testing.RedisServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/**
 * The files of docs/cluster for docker compose, without docker: their YAML has known members only. The command lines of
 * their services, run as plain processes on other ports, give a working server. Not tested is what needs docker:
 * networks, volumes, and whether the image has these programs.
 */
class ComposeFilesTest {
    private static final Path FILES = Path.of("../docs/cluster");
    /** Ports in the files. The test replaces them by free ports, in this order. */
    private static final List<String> PORTS =
            List.of("26379", "26380", "26381", "6379", "6380", "7000", "7001", "7002");

    private static final long MINUTE = 60_000;

    @TempDir
    Path folder;

    private final List<Process> processes = new ArrayList<>();

    @AfterEach
    void stop() {
        // In reverse order, so that no Sentinel starts a failover.
        for (int i = processes.size() - 1; i >= 0; i--) {
            processes.get(i).destroyForcibly();
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Map<String, Object>> services(String text) {
        Map<String, Object> all = new Yaml(new SafeConstructor(new LoaderOptions())).load(text);
        assertThat(all.keySet()).allMatch(name -> name.matches("services|volumes|x-.*"));
        return (Map<String, Map<String, Object>>) all.get("services");
    }

    /** Creates the programs of the image, by their names, from the programs that are installed. */
    private Path programs() throws IOException {
        Path bin = Files.createDirectory(folder.resolve("bin"));
        Map<String, String> programs = new LinkedHashMap<>();
        programs.put("valkey-server", RedisServer.program() + " \"$@\"");
        programs.put("valkey-sentinel", RedisServer.program() + " \"$@\" --sentinel");
        programs.put("valkey-cli", "redis-cli \"$@\"");
        for (Map.Entry<String, String> program : programs.entrySet()) {
            Path file =
                    Files.writeString(bin.resolve(program.getKey()), "#!/bin/sh\nexec " + program.getValue() + "\n");
            assertThat(file.toFile().setExecutable(true)).isTrue();
        }
        return bin;
    }

    private static String withPorts(String text, int first) {
        String changed = text;
        for (int i = 0; i < PORTS.size(); i++) {
            changed = changed.replaceAll("\\b" + PORTS.get(i) + "\\b", "" + (first + i));
        }
        return changed;
    }

    /** The port of a service is the one that docker would publish. */
    @SuppressWarnings("unchecked")
    private static String port(Map<String, Object> service) {
        List<String> mapped = (List<String>) service.getOrDefault("ports", List.of());
        return mapped.isEmpty() ? "" : " --port " + mapped.get(0).split(":", 2)[0];
    }

    @SuppressWarnings("unchecked")
    private void start(String name, Map<String, Object> service, Path programs) throws IOException {
        assertThat(service.keySet())
                .as(name)
                .isSubsetOf("image", "network_mode", "command", "ports", "volumes", "environment", "depends_on");
        assertThat(service.get("image")).isEqualTo("valkey/valkey:8");
        // Each container has a file system of its own.
        Path own = Files.createDirectories(folder.resolve(name));
        List<String> command = service.get("command") instanceof List<?> words
                ? new ArrayList<>((List<String>) words)
                : new ArrayList<>(List.of("sh", "-c", "exec " + service.get("command") + port(service)));
        command.replaceAll(
                word -> word.replace("$$", "$").replace("/tmp/", own + "/").replace("/etc/", FILES + "/"));
        command.replaceAll(word -> word.replace(FILES + "/users.acl", folder + "/users.acl"));
        ProcessBuilder builder = new ProcessBuilder(command).directory(own.toFile());
        builder.environment().put("PATH", programs + ":" + System.getenv("PATH"));
        Map<String, String> more = (Map<String, String>) service.getOrDefault("environment", Map.of());
        builder.environment().putAll(more);
        processes.add(builder.redirectErrorStream(true)
                .redirectOutput(own.resolve("log").toFile())
                .start());
    }

    /** A file of docs/cluster, and the URI under which its servers are reached. */
    private record SetUp(String file, String uri) {}

    private static final List<SetUp> SET_UPS = List.of(
            new SetUp("one", "redis://refrain:word@127.0.0.1:6379"),
            new SetUp("sentinel", "redis-sentinel://127.0.0.1:26379,127.0.0.1:26380,127.0.0.1:26381#answers"),
            new SetUp("cluster", "redis-cluster://127.0.0.1:7000,127.0.0.1:7001,127.0.0.1:7002"));

    /** Starts all servers at the same time, because each of them needs some seconds. */
    @Test
    void theirCommandLinesStartWorkingServers() throws Exception {
        Path programs = programs();
        Files.writeString(
                folder.resolve("users.acl"),
                Files.readString(FILES.resolve("users.acl")).replace("PASSWORD", "word"));
        List<RedisTier> tiers = new ArrayList<>();
        try {
            // Reserved together: the ports of the first set-up are still free when the second one starts.
            int first = RedisServer.freePorts(SET_UPS.size() * PORTS.size());
            for (SetUp setUp : SET_UPS) {
                String text = withPorts(Files.readString(FILES.resolve(setUp.file + ".compose.yaml")), first);
                for (Map.Entry<String, Map<String, Object>> service :
                        services(text).entrySet()) {
                    start(setUp.file + "-" + service.getKey(), service.getValue(), programs);
                }
                tiers.add(RedisTier.open(
                        RedisTierSettings.of(withPorts(setUp.uri, first)).withTimeout(Duration.ofSeconds(2))));
                first += PORTS.size();
            }
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            for (int i = 0; i < tiers.size(); i++) {
                while (!works(tiers.get(i))) {
                    assertThat(System.nanoTime())
                            .as("a server started by %s", SET_UPS.get(i))
                            .isLessThan(end);
                    LockSupport.parkNanos(10_000_000);
                }
            }
        } finally {
            tiers.forEach(RedisTier::close);
        }
    }

    private static boolean works(RedisTier tier) throws Exception {
        byte[] key = new byte[SharedTier.KEY_LENGTH];
        return tier.put(key, new byte[3], 1, MINUTE)
                .thenCompose(kept -> tier.get(key))
                .thenCombine(tier.raise(new byte[1]), (found, raised) -> found.entry() != null && raised.unheard() == 0)
                .exceptionally(failure -> false)
                .toCompletableFuture()
                .get(30, TimeUnit.SECONDS);
    }
}
