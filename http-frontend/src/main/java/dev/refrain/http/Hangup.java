package dev.refrain.http;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Handles SIGHUP: reloads the settings, as daemons do. A signal during the start reloads once the start is done. A
 * closing terminal also sends SIGHUP; then the process ends, as it would without a handler. Thread-safe.
 *
 * <p>Uses reflection, because the JDK offers only {@code sun.misc.Signal}, about which compilers warn.
 */
final class Hangup {
    private static final Path TERMINAL = Path.of("/dev/tty");
    /** Exit status of a process that a signal ended: 128 plus the signal's number, as shells report it. */
    private static final int HUNG_UP = 129;

    private final boolean hadTerminal = hasTerminal();
    /** Null until the start is done. */
    private Runnable reload;

    private boolean isReloadRequested;

    private Hangup() {}

    /** Installs the handler. From here on, the signal does not end a process that is still starting. */
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
            // Windows has no SIGHUP, and with -Xrs the JVM does not handle it. The admin listener can reload, too.
        }
    }

    private void hungUp() {
        if (hadTerminal && !hasTerminal()) {
            System.exit(HUNG_UP);
        }
        Runnable now;
        synchronized (this) {
            now = reload;
            isReloadRequested = now == null;
        }
        if (now != null) {
            now.run();
        }
    }

    /** The start is done. If a signal came before, this thread reloads now. */
    void started(Runnable reloads) {
        boolean now;
        synchronized (this) {
            reload = reloads;
            now = isReloadRequested;
        }
        if (now) {
            reloads.run();
        }
    }

    /** The process runs a command, and is ended by the signal. */
    void endsProcess() {
        started(() -> System.exit(HUNG_UP));
    }

    /** Only a process with a controlling terminal can open {@link #TERMINAL}. */
    private static boolean hasTerminal() {
        try {
            Files.newByteChannel(TERMINAL).close();
            return true;
        } catch (IOException none) {
            return false;
        }
    }
}
