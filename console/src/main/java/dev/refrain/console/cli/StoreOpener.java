package dev.refrain.console.cli;

import dev.refrain.engine.ResponseCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Finds and opens the store that a proxy with the same flags and variables would use. The proxy may be running. */
public interface StoreOpener {
    /**
     * The store's file, whether or not it exists.
     *
     * @param flags as on the proxy's command line
     * @param variables as in its environment
     * @throws IllegalArgumentException if a setting is wrong; the message says which
     */
    Path file(List<String> flags, Map<String, String> variables);

    /**
     * Whether the store's keys are made with the secret of a cluster.
     *
     * @throws IllegalArgumentException if a setting is wrong; the message says which
     */
    boolean isOfCluster(List<String> flags, Map<String, String> variables);

    /**
     * Opens the store, or makes it. An existing file keeps its capacity.
     *
     * @param secret for a new file; null for a random one
     * @param archive the archive to import, whose secret a new file must have; null for none
     * @throws IllegalArgumentException if a setting is wrong; the message says which
     * @throws IOException if the store cannot be opened; the message says why
     */
    ResponseCache open(List<String> flags, Map<String, String> variables, byte[] secret, Path archive)
            throws IOException;
}
