package dev.refrain.http.cli;

import java.io.IOException;
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

    private static void stty(String... arguments) {
        String[] command = new String[arguments.length + 1];
        command[0] = "stty";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        try {
            new ProcessBuilder(command).inheritIO().start().waitFor(1, TimeUnit.SECONDS);
        } catch (IOException e) {
            // Then q needs Enter.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
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
