package dev.refrain.console.cli;

import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.archive.ImportFacts;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Unmatched;

@Command(
        name = "import",
        sortOptions = false,
        description = "Takes answers that export has written into a store that was made with the same secret.",
        footer = {
            "",
            "Other flags, and REFRAIN_ variables, are those of the proxy, and name the store. It may be in use.",
            "A missing store is created with the secret in the folder or from --secret. Answers that the store",
            "has already, or has newer ones of, and expired ones are skipped, so the command may be repeated."
        })
final class ImportCommand extends AdminCommand {
    private static final int INCOMPLETE = 1;

    @Option(names = "--from", paramLabel = "DIR", required = true, description = "Folder that export has written.")
    private Path from;

    @Option(
            names = "--secret",
            paramLabel = "FILE",
            description = "Secret for a new store: the .secret file beside the store of the export.")
    private Path secret;

    @Unmatched
    private List<String> others = new ArrayList<>();

    @Override
    int ask(AdminClient admin) throws IOException {
        Path file = secret != null ? secret : from.resolve(ExportCommand.SECRET);
        byte[] given = null;
        if (secret != null || Files.exists(file)) {
            try {
                given = Files.readAllBytes(file);
            } catch (NoSuchFileException e) {
                throw new IOException(file + " does not exist", e);
            }
        }
        Progress progress = new Progress(err());
        ImportFacts facts;
        try (ResponseCache cache = console.stores.open(others, console.environment, given, from)) {
            facts = cache.admin().importFrom(from, progress);
        } finally {
            progress.end();
        }
        print(facts);
        return facts.missing() + facts.damaged() + facts.dropped() > 0 ? INCOMPLETE : 0;
    }

    private void print(ImportFacts facts) {
        PrintWriter out = out();
        out.printf(
                "%s: %,d %s stored, %s; %,d were there already, %,d had expired%n",
                from,
                facts.entries(),
                facts.entries() == 1 ? "answer" : "answers",
                Table.bytes(facts.bytes()),
                facts.present(),
                facts.expired());
        line(out, facts.foreign(), "are sealed and this store is not, or the other way round (setting seal)");
        line(out, facts.damaged(), "are damaged");
        line(out, facts.dropped(), "found no room");
        if (facts.missing() > 0) {
            out.println("The archive is not complete: " + facts.missing() + " of its files are missing.");
        }
        out.flush();
    }

    private static void line(PrintWriter out, long count, String what) {
        if (count > 0) {
            out.printf("%,d were left out: they %s%n", count, what);
        }
    }
}
