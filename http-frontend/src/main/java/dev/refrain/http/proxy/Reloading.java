package dev.refrain.http.proxy;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.admin.Reload;
import dev.refrain.console.log.Logs;
import dev.refrain.http.config.Changes;
import dev.refrain.http.config.Settings;
import dev.refrain.http.config.SettingsSource;
import dev.refrain.http.config.WrongSettings;
import dev.refrain.http.server.ServerTls;
import dev.refrain.http.shortcut.Shortcuts;
import dev.refrain.http.upstream.UpstreamClient;
import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.ruleset.Ruleset;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads settings and certificates again while requests are served. New values apply to requests that begin afterwards.
 * If anything is wrong, nothing changes. Thread-safe.
 */
final class Reloading implements Reload {
    private static final Logger LOG = LoggerFactory.getLogger(Reloading.class);

    /** The settings with which the server was started. */
    private final Settings settings;

    private final SettingsSource source;
    private final AtomicReference<Ruleset> rules;
    private final Shortcuts shortcuts;
    private final ActivityLog activity;
    /** Null for HTTP without TLS. */
    private final ServerTls tls;

    private final UpstreamClient client;

    /** The settings that were read last; guarded by this. */
    private Settings latest;

    /**
     * Also opens the shortcuts.
     *
     * @param rules the ruleset in force, which a reload replaces
     * @param tls to clients, or null
     */
    Reloading(
            Settings settings,
            SettingsSource source,
            AtomicReference<Ruleset> rules,
            Shortcuts shortcuts,
            ActivityLog activity,
            ServerTls tls,
            UpstreamClient client) {
        this.settings = settings;
        this.source = source;
        this.rules = rules;
        this.shortcuts = shortcuts;
        this.activity = activity;
        this.tls = tls;
        this.client = client;
        this.latest = settings;
        openShortcuts(rules.get());
    }

    /** Shortcuts are closed if CORS is on, since its answers depend on each head. */
    private void openShortcuts(Ruleset now) {
        shortcuts.open(now.isDecidedByHeads() && settings.corsOrigins() == null ? now : null);
    }

    /** The callers, by the settings in force. */
    Callers callers() {
        return rules.get().callers();
    }

    @Override
    public synchronized Result run() {
        Result result = reload();
        result.faults().forEach(fault -> LOG.warn("Nothing was reloaded: {}", fault));
        if (result.faults().isEmpty()) {
            LOG.info("Reloaded. Changed: {}. Needs a restart: {}", result.applied(), result.needRestart());
        }
        return result;
    }

    private Result reload() {
        try {
            Settings next = source.read();
            Ruleset ruleset = Entrances.ruleset(next, callers());
            // Steps that can fail come first.
            SSLContext providers = Entrances.upstreamTls(settings);
            boolean isNewCertificate = tls != null && tls.reload();
            if (providers != null) {
                client.tls(providers);
            }
            Logs.use(next.log().format(), next.log().level());
            if (activity.access() != null) {
                activity.access().reopen();
            }
            activity.prices(next.activityOptions().prices());
            rules.set(ruleset);
            openShortcuts(ruleset);
            List<String> applied = new ArrayList<>(Changes.applied(latest, next));
            if (isNewCertificate) {
                applied.add("tls");
            }
            latest = next;
            return new Result(applied, Changes.needRestart(settings, next), List.of());
        } catch (WrongSettings wrong) {
            return Result.refused(wrong.faults());
        } catch (IOException unusable) {
            return Result.refused(List.of(unusable.getMessage()));
        }
    }
}
