package dev.refrain.http.shortcut;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ModelNames;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.http.server.ClientLimits;
import dev.refrain.semantics.head.HeadRoom;
import dev.refrain.semantics.ruleset.Ruleset;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Predicate;
import org.xnio.StreamConnection;
import org.xnio.XnioIoThread;

/** Makes the {@link Shortcut}s of a server's connections, and holds their shared state. Thread-safe. */
public final class Shortcuts {
    private final ResponseCache cache;
    private final Function<CacheRequest, Optional<CacheKey>> keys;
    private final ActivityLog activity;
    private final ModelNames models;
    private final int maxBody;
    private final ClientLimits limits;
    private final Duration idle;
    private final Predicate<String> credentials;
    private final MemoryBudget partialHeads;
    private final BooleanSupplier displace;
    private final Map<XnioIoThread, PerThread> threads = new ConcurrentHashMap<>();
    private final AtomicInteger unfinished = new AtomicInteger();

    /** The ruleset under which heads are remembered; null while shortcuts are off. */
    private volatile Ruleset ruleset;

    private boolean closed;

    private record PerThread(HitWriter hits, IdleSweep idle, HeadRoom heads) {}

    /**
     * @param keys makes keys, as {@link ResponseCache#key} does
     * @param maxBody longest request body that the cache handles, in bytes
     * @param idle time after which an idle connection is closed
     * @param credentials tells whether a field with a given name holds a credential
     * @param displace makes room for a newer request at the cost of an older; returns whether there will be room
     */
    public Shortcuts(
            ResponseCache cache,
            Function<CacheRequest, Optional<CacheKey>> keys,
            ActivityLog activity,
            ModelNames models,
            int maxBody,
            ClientLimits limits,
            Duration idle,
            Predicate<String> credentials,
            BooleanSupplier displace) {
        this.cache = cache;
        this.keys = keys;
        this.activity = activity;
        this.models = models;
        this.maxBody = maxBody;
        this.limits = limits;
        this.idle = idle;
        this.credentials = credentials;
        this.partialHeads = HeadRoom.share(limits.memory());
        this.displace = displace;
    }

    /** Installs a shortcut in a new connection, before Undertow sees the connection. On the connection's I/O thread. */
    public Shortcut install(StreamConnection connection) {
        PerThread own = threads.computeIfAbsent(
                connection.getIoThread(),
                thread -> new PerThread(
                        new HitWriter(cache, keys, activity, models),
                        new IdleSweep(thread, idle),
                        new HeadRoom(limits.memory(), partialHeads, displace)));
        Shortcut shortcut = new Shortcut(connection, this, own.hits(), own.heads());
        connection.getSourceChannel().setConduit(shortcut);
        own.idle().add(shortcut);
        return shortcut;
    }

    /** Whether a request may use the shortcut now. If so, {@link #left} follows. */
    boolean enter() {
        // First the count, then the check: a shutdown does them in the opposite order.
        unfinished.incrementAndGet();
        if (ruleset != null) {
            return true;
        }
        left();
        return false;
    }

    /** The request's answer has been written, or there is none. */
    void left() {
        unfinished.decrementAndGet();
    }

    /** Turns shortcuts off: all requests go through Undertow. */
    public synchronized void close() {
        closed = true;
        ruleset = null;
    }

    /**
     * Replaces the ruleset. Heads that were remembered under another ruleset are not used.
     *
     * @param rules null to turn shortcuts off, because more than heads and the store decide about hits
     */
    public synchronized void open(Ruleset rules) {
        ruleset = closed ? null : rules;
    }

    Ruleset ruleset() {
        return ruleset;
    }

    /** Number of answers that are not completely written yet. */
    public int unfinished() {
        return unfinished.get();
    }

    /** Tells whether a field with a given name holds a credential. */
    Predicate<String> credentials() {
        return credentials;
    }

    int maxBody() {
        return maxBody;
    }

    ClientLimits limits() {
        return limits;
    }
}
