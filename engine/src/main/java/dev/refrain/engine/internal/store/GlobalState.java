package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import net.openhft.chronicle.hash.VanillaGlobalMutableState;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Defines the one class that Chronicle Map would otherwise generate and compile at each start. During the build,
 * Chronicle's own generator makes the class, and its bytes become a resource. Chronicle looks for the class before it
 * compiles one. The class belongs to Chronicle's package, so it cannot be a class file in this jar: two modules with
 * the same package cannot be on one module path.
 */
final class GlobalState {
    private static final Logger LOG = LoggerFactory.getLogger(GlobalState.class);
    private static final String RESOURCE = "global-state.bin";

    private GlobalState() {}

    /** Defines the class, unless it is defined already. Without it a start only takes longer. */
    static void define() {
        try (InputStream resource = GlobalState.class.getResourceAsStream(RESOURCE)) {
            if (resource == null) {
                LOG.debug("{} is missing; Chronicle Map compiles the class instead", RESOURCE);
                return;
            }
            var unused = MethodHandles.privateLookupIn(VanillaGlobalMutableState.class, MethodHandles.lookup())
                    .defineClass(resource.readAllBytes());
        } catch (IOException | IllegalAccessException | LinkageError e) {
            // A LinkageError means that the class is defined already, or that Chronicle has another version.
            LOG.debug("Chronicle Map's generated class is not defined here", e);
        }
    }
}
