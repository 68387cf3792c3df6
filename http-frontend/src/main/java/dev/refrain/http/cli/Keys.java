package dev.refrain.http.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Listens for the key q, without having to press Enter where there is {@code stty}. */
final class Keys implements AutoCloseable {
    private final Thread restore = new Thread(() -> stty("sane"), "refrain-restore-terminal");

    private Keys() {}

    static Keys listen(Runnable onQuit) {
        Keys keys = new Keys();
        Runtime.getRuntime().addShutdownHook(keys.restore);
        stty("-icanon", "-echo", "min", "1");
        Thread reader = new Thread(
                () -> {
                    try {
                        for (int key = System.in.read(); key >= 0; key = System.in.read()) {
                            if (key == 'q') {
                                break;
                            }
                        }
                    } catch (IOException e) {
                        // No keys, then; Ctrl-C remains.
                        return;
                    }
                    onQuit.run();
                },
                "refrain-keys");
        reader.setDaemon(true);
        reader.start();
        return keys;
    }

    /** Whether this process reads from and writes to one. {@code System.console()} says less than that, and since JDK 22 nothing. */
    static boolean isTerminal() {
        return run("sh", "-c", "test -t 0 && test -t 1");
    }

    private static void stty(String... arguments) {
        List<String> command = new ArrayList<>(List.of("stty"));
        command.addAll(List.of(arguments));
        // Without it q needs Enter.
        run(command.toArray(String[]::new));
    }

    private static boolean run(String... command) {
        try {
            Process process = new ProcessBuilder(command).inheritIO().start();
            return process.waitFor(1, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public void close() {
        stty("sane");
        try {
            Runtime.getRuntime().removeShutdownHook(restore);
        } catch (IllegalStateException exiting) {
            // It has just done the same.
        }
    }
}
