package dev.refrain.shared.redis;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTier.Found;
import dev.refrain.engine.spi.SharedTier.Raised;
import dev.refrain.testing.RedisCluster;
import dev.refrain.testing.RedisServer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A cluster whose slots move and whose nodes die while machines use it. */
class RedisClusterTest {
    private static final long MINUTE = 60_000;
    private static final int KEYS = 12;

    private final Names names = new Names("refrain");
    private final Set<String> heard = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean connected = new AtomicBoolean();
    private final AtomicInteger losses = new AtomicInteger();
    private final AtomicInteger incomplete = new AtomicInteger();
    private RedisCluster cluster;
    private RedisTier one;
    private RedisTier other;

    @BeforeEach
    void start() {
        cluster = new RedisCluster();
        one = open();
        other = open();
        other.listen(0, new Hearing());
        until(connected::get);
    }

    @AfterEach
    void stop() {
        if (cluster != null) {
            one.close();
            other.close();
            cluster.close();
        }
    }

    private RedisTier open() {
        RedisTier tier = RedisTier.open(RedisTierSettings.of(cluster.uri()).withTimeout(Duration.ofSeconds(5)));
        until(() -> tier.canSend() && of(tier.get(key(0))) != null);
        return tier;
    }

    private final class Hearing implements SharedTier.Listener {
        @Override
        public void raised(byte[] barrier, long micros) {
            heard.add(new String(barrier, StandardCharsets.US_ASCII));
        }

        @Override
        public void caughtUp(long micros) {
            connected.set(true);
        }

        @Override
        public void lost() {
            connected.set(false);
            losses.incrementAndGet();
        }

        @Override
        public void incomplete(long micros) {
            incomplete.incrementAndGet();
        }

        @Override
        public void released(byte[] key) {}

        @Override
        public void wanted(byte[] key) {}

        @Override
        public void appended(byte[] key) {}
    }

    /** The result; null if the command failed. */
    private static <T> T of(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            return null;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] key(int number) {
        byte[] key = new byte[SharedTier.KEY_LENGTH];
        key[0] = (byte) number;
        return key;
    }

    private static byte[] entry(int number, int version) {
        return new byte[] {(byte) number, (byte) version};
    }

    private static String text(byte[] name) {
        return new String(name, StandardCharsets.US_ASCII);
    }

    private RedisServer another(RedisServer than) {
        return cluster.nodes().stream().filter(node -> node != than).findFirst().orElseThrow();
    }

    /**
     * Raises a barrier. Returns the number of machines that did not confirm it; if 0, the second machine has heard it.
     */
    private int raise(String barrier) {
        Raised[] raised = new Raised[1];
        until(() -> (raised[0] = of(one.raise(barrier.getBytes(StandardCharsets.US_ASCII)))) != null);
        if (raised[0].unheard() == 0 && connected.get()) {
            assertThat(heard).contains(barrier);
        }
        return raised[0].unheard();
    }

    @Test
    void slotsMoveUnderLoad() throws InterruptedException {
        AtomicBoolean stop = new AtomicBoolean();
        AtomicInteger found = new AtomicInteger();
        AtomicInteger wrong = new AtomicInteger();
        List<Thread> load = List.of(loader(one, stop, found, wrong), loader(other, stop, found, wrong));
        load.forEach(Thread::start);
        try {
            until(() -> found.get() > 100);
            for (int number = 0; number < KEYS; number += 4) {
                String name = text(names.entry(key(number)));
                cluster.move(name, another(cluster.owner(name)));
            }
            int before = found.get();
            until(() -> found.get() > before + 500);

            assertThat(raise("before the log moves")).isZero();
            String log = text(names.log());
            RedisServer from = cluster.owner(log);
            cluster.move(log, another(from));
            for (int i = 0; i < 20; i++) {
                // While the log's slot moves, the second machine may miss a barrier, but must then hear that barriers
                // may be lost.
                assertThat(raise("after the log has moved, " + i) == 0 || losses.get() > 0)
                        .isTrue();
            }
            // The listener follows the log to its new node.
            until(() -> !from.text("PUBSUB", "NUMSUB", text(names.notices())).isEmpty()
                    && cluster.owner(log)
                            .ask("PUBLISH", text(names.notices()), "")
                            .equals(":1"));
            until(connected::get);
            until(() -> raise("once it has followed") == 0);
            until(() -> IntStream.range(0, 20).allMatch(i -> heard.contains("after the log has moved, " + i)));
        } finally {
            stop.set(true);
            for (Thread thread : load) {
                thread.join();
            }
        }
        assertThat(wrong).hasValue(0);
    }

    /** Puts and gets; counts entries that are found, and entries with wrong content. */
    private static Thread loader(RedisTier tier, AtomicBoolean stop, AtomicInteger found, AtomicInteger wrong) {
        return new Thread(() -> {
            for (int round = 0; !stop.get(); round++) {
                int number = round % KEYS;
                Found there = of(tier.get(key(number)));
                if (there == null) {
                    continue;
                }
                if (there.entry() != null) {
                    found.incrementAndGet();
                    if (there.entry()[0] != number) {
                        wrong.incrementAndGet();
                    }
                }
                of(tier.put(key(number), entry(number, round), there.micros(), MINUTE));
            }
        });
    }

    /** Under load, the master that has the log dies. Its replica must know all entries and barriers from before. */
    @Test
    void aReplicaReplacesAMasterThatDies() throws InterruptedException {
        RedisServer master = cluster.owner(text(names.log()));
        RedisServer replica = cluster.replicate(master);
        assertThat(raise("before the failover")).isZero();
        List<Integer> held = new ArrayList<>();
        for (int number = 0; number < KEYS; number++) {
            int kept = number;
            long started = of(one.get(key(number))).micros();
            assertThat(of(one.put(key(number), entry(number, 0), started, MINUTE)))
                    .isTrue();
            if (cluster.owner(text(names.entry(key(kept)))) == master) {
                held.add(kept);
            }
        }
        assertThat(held).isNotEmpty();
        assertThat(replica.text("INFO", "replication")).contains("master_link_status:up");
        until(() -> held.stream().allMatch(number -> isReplicated(replica, number)));
        SharedTier.Lease lease = of(one.lease(key(held.get(0)), MINUTE, MINUTE));
        AtomicBoolean stop = new AtomicBoolean();
        AtomicInteger found = new AtomicInteger();
        AtomicInteger wrong = new AtomicInteger();
        List<Thread> load = List.of(loader(one, stop, found, wrong), loader(other, stop, found, wrong));
        load.forEach(Thread::start);
        try {
            int known = incomplete.get();
            master.kill();
            // Forced, because the vote of the other nodes takes many seconds on a busy machine.
            assertThat(replica.ask("CLUSTER", "FAILOVER", "TAKEOVER")).isEqualTo("+OK");

            until(() -> held.stream().allMatch(number -> {
                Found there = of(one.get(key(number)));
                return there != null && there.entry() != null && there.entry()[0] == number;
            }));
            until(() -> {
                Found there = of(other.get(key(held.get(0))));
                return there != null
                        && Boolean.TRUE.equals(
                                of(other.put(key(held.get(0)), entry(held.get(0), 1), there.micros(), MINUTE)));
            });
            until(() -> Boolean.TRUE.equals(of(one.renew(key(held.get(0)), lease.micros(), MINUTE))));
            // The listener is at the new master, and the log is unchanged.
            until(connected::get);
            until(() -> raise("after the failover") == 0);
            assertThat(heard).contains("before the failover", "after the failover");
            assertThat(incomplete).hasValue(known);
            int before = found.get();
            until(() -> found.get() > before + 500);
        } finally {
            stop.set(true);
            for (Thread thread : load) {
                thread.join();
            }
        }
        assertThat(wrong).hasValue(0);
    }

    /** Whether the replica has a copy of an entry, shown by the number of keys that it has in the entry's slot. */
    private boolean isReplicated(RedisServer replica, int number) {
        String slot = replica.ask("CLUSTER", "KEYSLOT", text(names.entry(key(number))))
                .substring(1);
        return !replica.ask("CLUSTER", "COUNTKEYSINSLOT", slot).equals(":0");
    }

    /** Entries on other nodes are still found, and requests for those of the dead node fail without waiting. */
    @Test
    void aNodeThatDiesLosesOnlyItsOwnSlots() {
        cluster.nodes().forEach(node -> node.ask("CONFIG", "SET", "cluster-require-full-coverage", "no"));
        for (int number = 0; number < KEYS; number++) {
            long started = of(one.get(key(number))).micros();
            assertThat(of(one.put(key(number), entry(number, 0), started, MINUTE)))
                    .isTrue();
        }
        RedisServer logs = cluster.owner(text(names.log()));
        RedisServer dies = another(logs);
        boolean[] gone = new boolean[KEYS];
        for (int number = 0; number < KEYS; number++) {
            gone[number] = cluster.owner(text(names.entry(key(number)))) == dies;
        }

        assertThat(raise("with all nodes")).isZero();

        dies.kill();

        until(() -> {
            for (int number = 0; number < KEYS; number++) {
                Found there = of(one.get(key(number)));
                if (gone[number] != (there == null)) {
                    return false;
                }
            }
            return true;
        });
        assertThat(one.isAvailable()).isTrue();
        assertThat(raise("without that node")).isZero();
        dies.start();
        until(() -> {
            for (int number = 0; number < KEYS; number++) {
                if (of(one.get(key(number))) == null) {
                    return false;
                }
            }
            return true;
        });
    }
}
