package dev.refrain.http;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What SIGHUP does: it reloads the settings, as daemons do. A terminal that is closed sends it, too; then the process
 * ends, as it would without this.
 *
 * <p>By reflection, since the JDK has no other way than {@code sun.misc.Signal}, which compilers warn about.
 */
final class Hangup {
    private static final Path TERMINAL = Path.of("/dev/tty");
    /** 128 and the signal's number, as shells say it. */
    private static final int HUNG_UP = 129;

    private Hangup() {}

    static void handle(Runnable reload) {
        boolean hadTerminal = hasTerminal();
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object ours = Proxy.newProxyInstance(
                    Hangup.class.getClassLoader(), new Class<?>[] {handler}, (self, method, arguments) -> {
                        if (method.getName().equals("handle")) {
                            hungUp(hadTerminal, reload);
                        }
                        return null;
                    });
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance("HUP"), ours);
        } catch (ReflectiveOperationException | IllegalArgumentException notHere) {
            // Windows has no such signal, and -Xrs leaves it to others. The admin listener reloads, too.
        }
    }

    private static void hungUp(boolean hadTerminal, Runnable reload) {
        if (hadTerminal && !hasTerminal()) {
            System.exit(HUNG_UP);
        }
        reload.run();
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
