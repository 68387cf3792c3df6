package dev.refrain.console.cli;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** The terminal that this process reads from and writes to: the key q, its size, and a screen that is painted over. Needs {@code stty}. */
final class Terminal implements AutoCloseable {
    private static final String HOME = "\u001b[H";
    private static final String END_OF_LINE = "\u001b[K\r\n";
    private static final String END_OF_SCREEN = "\u001b[J";

    /** As {@code stty -g} says it; empty if it says nothing. */
    private final String settings = stty("-g");

    private final Thread restore = new Thread(this::restore, "refrain-restore-terminal");

    private Terminal() {}

    /** Reads keys as they are pressed, without showing them, until closed or the process ends. */
    static Terminal open(Runnable onQuit) {
        Terminal terminal = new Terminal();
        Runtime.getRuntime().addShutdownHook(terminal.restore);
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
        return terminal;
    }

    /** Whether this process has one. {@code System.console()} says less than that, and since JDK 22 nothing. */
    static boolean isThere() {
        try {
            return new ProcessBuilder("sh", "-c", "test -t 0 && test -t 1")
                            .inheritIO()
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** What to write to show as much of a text as fits, from its beginning, in the terminal's present size. */
    static String screen(String text) {
        String[] size = stty("size").split(" ", -1);
        return size.length == 2 && size[0].matches("[1-9][0-9]{0,4}") && size[1].matches("[1-9][0-9]{0,4}")
                ? screen(text, Integer.parseInt(size[0]), Integer.parseInt(size[1]))
                : HOME + END_OF_SCREEN + text;
    }

    static String screen(String text, int rows, int columns) {
        // A character in the last column or a line behind the last row would make some terminals scroll.
        return text.lines()
                .limit(Math.max(1, rows - 1))
                .map(line -> line.substring(0, Math.min(line.length(), Math.max(1, columns - 1))))
                .collect(Collectors.joining(END_OF_LINE, HOME, END_OF_LINE + END_OF_SCREEN));
    }

    private static String stty(String... arguments) {
        List<String> command = new ArrayList<>(List.of("stty"));
        command.addAll(List.of(arguments));
        return run(command.toArray(String[]::new));
    }

    /** What a command says; nothing if it fails. */
    private static String run(String... command) {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectInput(Redirect.INHERIT)
                    .redirectError(Redirect.DISCARD)
                    .start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
            return process.waitFor(1, TimeUnit.SECONDS) && process.exitValue() == 0 ? said : "";
        } catch (IOException e) {
            return "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }

    private void restore() {
        stty(settings.isEmpty() ? "sane" : settings);
    }

    @Override
    public void close() {
        restore();
        try {
            Runtime.getRuntime().removeShutdownHook(restore);
        } catch (IllegalStateException exiting) {
            // It has just done the same.
        }
    }
}
