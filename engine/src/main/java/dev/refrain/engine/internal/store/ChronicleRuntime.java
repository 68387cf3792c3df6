package dev.refrain.engine.internal.store;

import dev.refrain.engine.internal.SystemProperties;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import net.openhft.chronicle.map.ChronicleMap;

/**
 * Prepares this JVM before the first class of Chronicle is initialised. Chronicle reads its settings once, in static
 * initialisers. If a flag of the JVM is missing, Chronicle fails later with an obscure error.
 */
public final class ChronicleRuntime {
    /** Packages that Chronicle Map reaches into by reflection. */
    private static final List<String> OPENED = List.of("java.lang", "java.lang.reflect", "sun.nio.ch");

    private ChronicleRuntime() {}

    /** The flags that docs/EMBEDDING.md tells embedders to start java with. */
    public static List<String> flags() {
        List<String> flags = new ArrayList<>();
        OPENED.forEach(name -> flags.add("--add-opens=java.base/" + name + "=ALL-UNNAMED"));
        flags.add("--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED");
        if (Runtime.version().feature() >= 24) {
            flags.addAll(List.of("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"));
        }
        return flags;
    }

    /**
     * Properties that Chronicle reads when its classes are initialised; the first two are read again whenever a
     * map is opened.
     */
    private static final SystemProperties SETTINGS = new SystemProperties(Map.of(
            // No banner on stdout, and nothing sent to an analytics host even if an embedder's class path
            // brings the library.
            "chronicle.announcer.disable",
            "true",
            "chronicle.analytics.disable",
            "true",
            // With the default of 60 s, each call would block that long on a lock that a killed process
            // has left behind.
            "net.openhft.chronicle.map.lockTimeoutSeconds",
            "1"));

    /** The class that reads the lock timeout, once. */
    private static final String READER_OF_TIMEOUT = "net.openhft.chronicle.hash.impl.BigSegmentHeader";

    /** Makes Chronicle's classes read their settings. Call this before any of them is used. */
    static void applySettings() {
        withSettings(() -> {
            try {
                Class.forName(READER_OF_TIMEOUT, true, ChronicleRuntime.class.getClassLoader());
                GlobalState.define();
                return null;
            } catch (ClassNotFoundException | LinkageError e) {
                // Without its flags the JVM may refuse the class. Opening a store reports that in plainer words.
                return null;
            }
        });
    }

    /** Runs an action that opens maps, with the settings in place. */
    static <T, E extends Exception> T withSettings(SystemProperties.Action<T, E> opening) throws E {
        return SETTINGS.doing(opening);
    }

    /**
     * Checks that the JVM has the modules and the open packages that Chronicle Map needs.
     *
     * @throws IllegalStateException if the JVM was started without one of the flags or lacks a module, or Chronicle Map
     *     cannot see the engine; the message says what to do
     */
    static void requireWhatIsNeeded() {
        requireOpenPackages();
        requireCompiler();
        requireThatChronicleSeesUs();
    }

    /**
     * Checks that Chronicle Map's class loader sees the engine's classes. Chronicle Map uses only this class loader to
     * load the classes that a file names.
     */
    private static void requireThatChronicleSeesUs() {
        Class<?> seen;
        try {
            seen = Class.forName(EntryMarshaller.class.getName(), false, ChronicleMap.class.getClassLoader());
        } catch (ClassNotFoundException | LinkageError e) {
            seen = null;
        }
        if (seen != EntryMarshaller.class) {
            throw new IllegalStateException("The cache's memory-mapped store cannot run here: Chronicle Map has been"
                    + " loaded by a class loader that does not see this engine's classes. Put refrain-engine and"
                    + " Chronicle Map into the same place, both into WEB-INF/lib or both into the container's"
                    + " libraries. Or use ResponseCache.onHeap, which needs no Chronicle Map");
        }
    }

    private static void requireOpenPackages() {
        Module base = Object.class.getModule();
        Module chronicle = ChronicleMap.class.getModule();
        String target = chronicle.isNamed() ? chronicle.getName() : "ALL-UNNAMED";
        List<String> missing = OPENED.stream()
                .filter(name -> !base.isOpen(name, chronicle))
                .map(name -> "--add-opens=java.base/" + name + "=" + target)
                .toList();
        if (!missing.isEmpty()) {
            throw new IllegalStateException("The cache's memory-mapped store cannot run in this JVM. Start java with "
                    + String.join(" ", missing));
        }
    }

    /**
     * Checks that the JVM has a compiler, without which Chronicle Map does not start. Chronicle Map compiles nothing
     * here, because its one generated class is supplied ({@link GlobalState}).
     */
    private static void requireCompiler() {
        if (ModuleLayer.boot().findModule("jdk.compiler").isEmpty()) {
            throw new IllegalStateException(
                    "The cache's memory-mapped store cannot run in this JVM, which lacks the module"
                            + " jdk.compiler. Use a JDK rather than a JRE, or a runtime image made with that module");
        }
    }
}
