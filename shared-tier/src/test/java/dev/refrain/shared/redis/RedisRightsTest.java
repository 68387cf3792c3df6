package dev.refrain.shared.redis;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTier.Appended;
import dev.refrain.engine.spi.SharedTier.Lease;
import dev.refrain.testing.RedisCluster;
import dev.refrain.testing.RedisServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The rule in docs/CLUSTER.md for an ACL user: it is sufficient, and each command in it is needed. */
class RedisRightsTest {
    private static final long MINUTE = 60_000;
    private static final byte[] KEY = new byte[SharedTier.KEY_LENGTH];

    /** The rights in the line of docs/CLUSTER.md that begins with {@code beginning}. */
    private static List<String> rule(String beginning) throws IOException {
        String line = Files.readAllLines(Path.of("../docs/CLUSTER.md")).stream()
                .filter(one -> one.startsWith(beginning))
                .findFirst()
                .orElseThrow();
        return Arrays.asList(line.split(" ", -1));
    }

    private static <T> T of(CompletionStage<T> stage) throws Exception {
        return stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
    }

    private static final class Waiting implements SharedTier.Listener {
        private final AtomicBoolean connected = new AtomicBoolean();

        @Override
        public void raised(byte[] barrier, long micros) {}

        @Override
        public void caughtUp(long micros) {
            connected.set(true);
        }

        @Override
        public void lost() {}

        @Override
        public void incomplete(long micros) {}

        @Override
        public void released(byte[] key) {}

        @Override
        public void wanted(byte[] key) {}

        @Override
        public void appended(byte[] key) {}
    }

    /** Uses every function of the tier. */
    private static void useAll(String uri) throws Exception {
        RedisTierSettings settings = RedisTierSettings.of(uri)
                .withTimeout(Duration.ofSeconds(20))
                .withPartBytes(64 << 10)
                .withMaxBarriers(3);
        try (RedisTier tier = RedisTier.open(settings)) {
            Waiting waiting = new Waiting();
            tier.listen(0, waiting);
            until(tier::canSend);
            long started = of(tier.get(KEY)).micros();
            assertThat(of(tier.put(KEY, new byte[10], started, MINUTE))).isTrue();
            assertThat(of(tier.put(KEY, new byte[100_000], started, MINUTE))).isTrue();
            assertThat(of(tier.get(KEY)).entry()).hasSize(100_000);
            of(tier.remove(KEY, MINUTE));
            Lease lease = of(tier.lease(KEY, MINUTE, MINUTE));
            of(tier.lease(KEY, MINUTE, 1_000));
            assertThat(of(tier.append(KEY, lease.micros(), 0, new byte[10]))).isEqualTo(Appended.TAKEN);
            assertThat(of(tier.read(KEY, lease.micros(), 0)).pieces()).hasSize(1);
            assertThat(of(tier.renew(KEY, lease.micros(), MINUTE))).isTrue();
            assertThat(of(tier.release(KEY, lease.micros()))).isTrue();
            until(waiting.connected::get);
            for (int i = 0; i < 5; i++) {
                of(tier.raise(new byte[] {(byte) ('a' + i)}));
            }
            waiting.connected.set(false);
            until(waiting.connected::get);
        }
    }

    private static void allow(RedisServer server, List<String> rule) {
        server.ask("FLUSHALL");
        assertThat(server.ask(rule.toArray(String[]::new))).isEqualTo("+OK");
        server.ask("ACL", "LOG", "RESET");
        server.ask("CONFIG", "RESETSTAT");
    }

    private static List<String> unused(List<RedisServer> servers, List<String> rule) {
        String used = servers.stream()
                .map(server -> server.text("INFO", "commandstats"))
                .collect(Collectors.joining("\n"));
        return rule.stream()
                .filter(right -> right.startsWith("+"))
                .map(right -> right.substring(1))
                .filter(command -> !used.contains("cmdstat_" + command + ":"))
                .toList();
    }

    @Test
    void theAclFileOfTheSetUpsHasTheSameRule() throws IOException {
        String rights = String.join(" ", rule("ACL SETUSER refrain ")).substring("ACL SETUSER ".length());
        assertThat(Files.readAllLines(Path.of("../docs/cluster/users.acl"))).contains("user " + rights);
    }

    @Test
    void theRuleForOneServerIsSufficientAndMinimal() throws Exception {
        List<String> rule = rule("ACL SETUSER refrain ");
        try (RedisServer server = new RedisServer()) {
            allow(server, rule);
            useAll("redis://refrain:PASSWORD@127.0.0.1:" + server.port());
            assertThat(server.ask("ACL", "LOG")).as("what was denied").isEqualTo("*0");
            assertThat(unused(List.of(server), rule)).as("not needed").isEmpty();
        }
    }

    @Test
    void theRuleForAClusterIsSufficient() throws Exception {
        List<String> rule = new ArrayList<>(rule("ACL SETUSER refrain "));
        rule.addAll(rule("and in a cluster ").stream()
                .filter(word -> word.startsWith("`+") || word.startsWith("+"))
                .map(word -> word.replaceAll("[`.,;:]", ""))
                .toList());
        try (RedisCluster cluster = new RedisCluster()) {
            cluster.nodes().forEach(node -> allow(node, rule));
            useAll(cluster.uri().replace("redis-cluster://", "redis-cluster://refrain:PASSWORD@"));
            for (RedisServer node : cluster.nodes()) {
                assertThat(node.ask("ACL", "LOG")).as("what was denied").isEqualTo("*0");
            }
        }
    }
}
