package dev.refrain.http;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What SIGHUP does: it reloads the settings, as daemons do, or does so once the start is done, if it comes before. A
 * terminal that is closed sends it, too; then the process ends, as it would without this. Thread-safe.
 *
 * <p>By reflection, since the JDK has no other way than {@code sun.misc.Signal}, which compilers warn about.
 */
final class Hangup {
    private static final Path TERMINAL = Path.of("/dev/tty");
    /** 128 and the signal's number, as shells say it. */
    private static final int HUNG_UP = 129;

    private final boolean hadTerminal = hasTerminal();
    /** Null until the start is done. */
    private Runnable reload;

    private boolean wanted;

    private Hangup() {}

    /** From here on the signal ends no process that is starting. */
    static Hangup install() {
        Hangup hangup = new Hangup();
        hangup.handle();
        return hangup;
    }

    private void handle() {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object ours = Proxy.newProxyInstance(
                    Hangup.class.getClassLoader(), new Class<?>[] {handler}, (self, method, arguments) -> {
                        if (method.getName().equals("handle")) {
                            hungUp();
                        }
                        return null;
                    });
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance("HUP"), ours);
        } catch (ReflectiveOperationException | IllegalArgumentException notHere) {
            // Windows has no such signal, and -Xrs leaves it to others. The admin listener reloads, too.
        }
    }

    private void hungUp() {
        if (hadTerminal && !hasTerminal()) {
            System.exit(HUNG_UP);
        }
        Runnable now;
        synchronized (this) {
            now = reload;
            wanted = now == null;
        }
        if (now != null) {
            now.run();
        }
    }

    /** The start is done; what was asked for until now is done on this thread. */
    void started(Runnable reloads) {
        boolean now;
        synchronized (this) {
            reload = reloads;
            now = wanted;
        }
        if (now) {
            reloads.run();
        }
    }

    /** This is a command, which the signal ends. */
    void endsProcess() {
        started(() -> System.exit(HUNG_UP));
    }

    /** It can be opened only by who has one. */
    private static boolean hasTerminal() {
        try {
            Files.newByteChannel(TERMINAL).close();
            return true;
        } catch (IOException none) {
            return false;
        }
    }
}
