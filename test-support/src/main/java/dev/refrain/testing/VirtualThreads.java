package dev.refrain.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/** Virtual threads for tests with language level 17, and a check whether they pin their carriers. */
public final class VirtualThreads {
    private static final String PINNED = "jdk.VirtualThreadPinned";

    private VirtualThreads() {}

    /** The work to observe. */
    public interface Work {
        void run() throws Exception;
    }

    /** Starts a virtual thread for each task; needs JDK 21. */
    public static ExecutorService executor() throws ReflectiveOperationException {
        return (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    }

    /**
     * The pinning that Refrain's code causes. The work is done twice, because loading and initialising classes pins.
     * The work is recorded both times, because the classes of events are loaded only during a recording.
     */
    public static List<RecordedEvent> pins(Path folder, Work work) throws Exception {
        try (Recording first = new Recording()) {
            first.start();
            work.run();
        }
        Path file = Files.createTempFile(folder, "pinned", ".jfr");
        try (Recording recording = new Recording()) {
            recording.enable(PINNED).withoutThreshold().withStackTrace();
            recording.start();
            work.run();
            recording.stop();
            recording.dump(file);
        }
        return RecordingFile.readAllEvents(file).stream()
                .filter(event -> event.getEventType().getName().equals(PINNED))
                .filter(event -> String.valueOf(event.getStackTrace()).contains("dev.refrain"))
                .filter(event -> !event.toString().contains("ClassLoader"))
                .filter(event -> !event.toString().contains("initialization of"))
                .toList();
    }
}
