package dev.refrain.http.proxy;

import dev.refrain.cassettes.Cassettes;
import dev.refrain.console.activity.ActivityOptions;
import dev.refrain.console.activity.Prices;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.ResponseCacheBuilder;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.ForeignFileException;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.engine.spi.NoStore;
import dev.refrain.http.config.Settings;
import dev.refrain.http.config.SharedMode;
import dev.refrain.http.config.SharedSettings;
import dev.refrain.http.config.UpstreamTlsSettings;
import dev.refrain.semantics.ByteSize;
import dev.refrain.semantics.answer.HitIds;
import dev.refrain.shared.redis.RedisTier;
import dev.refrain.shared.redis.RedisTierSettings;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens and describes the cache that the settings ask for. Stateless. */
public final class Store {
    private static final Logger LOG = LoggerFactory.getLogger(Store.class);

    private static final int MIN_SECRET = 32;

    private Store() {}

    /**
     * Opens the cache. If its file cannot be opened, that is logged, and the cache stores nothing.
     *
     * @throws ForeignFileException if the file is not Refrain's, which is a mistake in the settings
     * @throws IOException if the cluster's secret cannot be read, or is too short; the message says what to do
     */
    static ResponseCache open(Settings settings) throws IOException {
        ResponseCacheBuilder builder = builder(settings);
        if (settings.cassettes() != null) {
            // A fresh store: answers of an earlier run would hide what is to be recorded or played.
            return builder.store(new HeapStore(settings.capacity().bytes())).open();
        }
        if (settings.shared().uri() != null) {
            share(settings, builder);
        }
        try {
            return builder.open();
        } catch (ForeignFileException e) {
            // A mistake in the settings, which must not be hidden by running without a cache.
            throw e;
        } catch (IOException e) {
            LOG.error("Nothing will be cached. {}. Put that right and restart", e.getMessage());
            LOG.debug("Why the store could not be opened", e);
            return builder.store(new NoStore()).open();
        }
    }

    /**
     * Opens the store file that the settings name, for a command that reads or fills it, perhaps while a proxy uses it.
     * An existing file is not replaced. The command does not join a cluster.
     *
     * @param secret the secret for a new file; null for a random one
     * @param archive the archive for which a missing file is created; null for none
     * @throws IOException if it cannot be opened; the message says why
     */
    public static ResponseCache openFile(Settings settings, byte[] secret, Path archive) throws IOException {
        ResponseCacheBuilder builder =
                builder(settings).hotBytes(0).memoBytes(0).keepFile().newFileFor(archive);
        if (secret != null) {
            builder.secretOfNewFile(secret);
        }
        if (settings.shared().uri() != null) {
            builder.clusterSecret(secret(settings.shared().secretFile()));
        }
        return builder.open();
    }

    private static ResponseCacheBuilder builder(Settings settings) {
        ResponseCacheBuilder builder = ResponseCache.builder(settings.store())
                .capacityBytes(settings.capacity().bytes())
                .preallocate(settings.preallocate())
                .seal(settings.seal())
                .maxRequestBytes((int) settings.limits().cacheableRequest().bytes())
                .maxAnswerBytes((int) settings.limits().storedAnswer().bytes())
                .sweepInterval(settings.sweepInterval())
                .staleIfError(settings.staleIfError())
                // Ends calls whose provider never stops sending. The idle timeout ends silent calls much earlier.
                .upstreamTimeout(Duration.ofDays(1))
                .silentCall(settings.timeouts().silentCall())
                .neverStored(settings.neverStored())
                .replayZero(settings.replay().paths())
                .recordPace(settings.replay().recordPace())
                .originalIds(settings.hitIds() == HitIds.ORIGINAL)
                .cancelWhenAbandoned(settings.cancelsAbandonedCalls())
                // The proxy closes the cache itself, after the answers in progress are stored.
                .closeOnExit(false);
        settings.key().rules().forEach(builder::keyRules);
        if (settings.memory().hotAnswers() != null) {
            builder.hotBytes(settings.memory().hotAnswers().bytes());
        }
        if (settings.memory().knownRequests() != null) {
            builder.memoBytes(settings.memory().knownRequests().bytes());
        }
        return builder;
    }

    /**
     * Opens the folder of recordings; null unless one is set.
     *
     * @throws IOException if it cannot be read, or a file in it is damaged; the cache is then closed
     */
    static Cassettes cassettes(Settings settings, ResponseCache cache) throws IOException {
        if (settings.cassettes() == null) {
            return null;
        }
        ActivityOptions log = settings.activityOptions();
        try {
            return Cassettes.in(settings.cassettes())
                    .price(new Prices(log.prices())::nanos, log.currency())
                    .mode(settings.cassetteMode())
                    .pace(settings.cassettePace())
                    .rules(settings.key().rules())
                    .keyHeaders(settings.key().headers())
                    .credentials(settings.key().credentialFields())
                    .memory(cache.admin().memory())
                    .open();
        } catch (IOException e) {
            cache.close();
            throw e;
        }
    }

    /** Shares answers with other machines. */
    private static void share(Settings settings, ResponseCacheBuilder builder) throws IOException {
        SharedSettings shared = settings.shared();
        UpstreamTlsSettings tls = settings.sharedTls();
        byte[] secret = secret(shared.secretFile());
        RedisTierSettings tier = RedisTierSettings.of(shared.uri())
                .withTls(new RedisTierSettings.Tls(tls.caFile(), tls.clientCertificate(), tls.clientKey()))
                .withPrefix(shared.prefix())
                .withTimeout(shared.timeout())
                .withSendTimeout(shared.sendTimeout())
                .withPartBytes((int) shared.maxAnswer().bytes());
        MemoryBudget memory = MemoryBudget.ofHeap();
        builder.memory(memory)
                .sharedTier(RedisTier.open(tier, memory), secret)
                .sharedAccess(shared.mode() != SharedMode.WRITE_ONLY, shared.mode() != SharedMode.READ_ONLY)
                .sharedCoalescing(shared.coalesce());
        if (shared.maxUnconnected() != null) {
            builder.sharedMaxUnconnected(shared.maxUnconnected());
        }
    }

    /** Reads a secret. White space at the end, which editors leave, does not count. */
    private static byte[] secret(Path file) throws IOException {
        String text;
        try {
            text = Files.readString(file, StandardCharsets.ISO_8859_1).stripTrailing();
        } catch (IOException e) {
            throw new IOException("Cannot read shared.secret-file " + file + ". Make it readable for this user", e);
        }
        if (text.length() < MIN_SECRET) {
            throw new IOException("shared.secret-file " + file + " has " + text.length() + " bytes and needs "
                    + MIN_SECRET + " at least, the same on all machines: openssl rand -base64 48 makes one");
        }
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Counters of the recordings so far; empty if there are none. */
    static Map<String, Object> recordings(Cassettes cassettes) {
        return cassettes == null ? Map.of() : cassettes.summary(null).facts();
    }

    /** A few words for an operator: upstream and store. */
    static String describe(Settings settings, ResponseCache cache) {
        String upstream = settings.upstream() == null
                ? "the built-in demo provider (no model is called; set --upstream for a real one)"
                : settings.upstream().toString();
        long capacity = cache.admin().stats().store().capacityBytes();
        String store = capacity == 0
                ? "no store"
                : "store " + settings.store() + " (" + new ByteSize(capacity) + freeSpace(settings) + ")";
        return "upstream " + upstream + ", " + store;
    }

    private static String freeSpace(Settings settings) {
        // Not FileStore, which looks the mount up in /proc/mounts and does not find that of a chroot.
        File file = settings.store().toAbsolutePath().toFile();
        double free = file.getUsableSpace() / (double) (1L << 30);
        return file.getTotalSpace() == 0 ? "" : String.format(Locale.ROOT, "; %.1fGiB free on its disk", free);
    }
}
