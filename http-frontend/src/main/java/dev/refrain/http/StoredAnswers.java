package dev.refrain.http;

import dev.refrain.console.cli.StoreOpener;
import dev.refrain.engine.ResponseCache;
import dev.refrain.http.config.Settings;
import dev.refrain.http.config.Startup;
import dev.refrain.http.proxy.Store;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Opens the store that a proxy with the same settings would use. Stateless. */
public final class StoredAnswers implements StoreOpener {
    @Override
    public Path file(List<String> flags, Map<String, String> variables) {
        return settings(flags, variables).store();
    }

    @Override
    public boolean isOfCluster(List<String> flags, Map<String, String> variables) {
        return settings(flags, variables).shared().uri() != null;
    }

    @Override
    public ResponseCache open(List<String> flags, Map<String, String> variables, byte[] secret, Path archive)
            throws IOException {
        return Store.openFile(settings(flags, variables), secret, archive);
    }

    private static Settings settings(List<String> flags, Map<String, String> variables) {
        Startup startup = Startup.parse(flags.toArray(String[]::new), variables);
        if (startup instanceof Startup.Run run) {
            return run.settings();
        }
        throw new IllegalArgumentException(((Startup.Exit) startup).text().replaceFirst("^refrain: ", ""));
    }
}
