package dev.refrain.console.cli;

import dev.refrain.engine.ResponseCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Finds and opens the store that a proxy with the same flags and variables would use, beside it if it runs. */
public interface StoreOpener {
    /**
     * Its file, whether or not that is there.
     *
     * @param flags as on the proxy's command line
     * @param variables as in its environment
     * @throws IllegalArgumentException if a setting is wrong; the message says which
     */
    Path file(List<String> flags, Map<String, String> variables);

    /**
     * Whether its keys are made with the secret of a cluster.
     *
     * @throws IllegalArgumentException if a setting is wrong; the message says which
     */
    boolean isOfCluster(List<String> flags, Map<String, String> variables);

    /**
     * Opens it. A file that is there stays as it is, with its own capacity.
     *
     * @param secret of the file if it is made now; null for a random one
     * @param archive what a file is made for that is not there: its secret must be the archive's; null for no archive
     * @throws IllegalArgumentException if a setting is wrong; the message says which
     * @throws IOException if it cannot be opened; the message says why
     */
    ResponseCache open(List<String> flags, Map<String, String> variables, byte[] secret, Path archive)
            throws IOException;
}
