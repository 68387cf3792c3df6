package dev.refrain.console.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.archive.ArchiveQuery;
import dev.refrain.engine.archive.ExportFacts;
import dev.refrain.engine.stats.EntryQuery;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Unmatched;

@Command(
        name = "export",
        sortOptions = false,
        description = "Writes stored answers into a folder, from which import takes them into another store.",
        footer = {
            "",
            "Other flags, and REFRAIN_ variables, are those of the proxy, and name the store. It may be in use.",
            "Repeat the command to finish a run that was interrupted."
        })
final class ExportCommand extends AdminCommand {
    static final String SECRET = "secret";

    @Option(names = "--to", paramLabel = "DIR", required = true, description = "Folder to write, new or empty.")
    private Path to;

    @Option(names = "--model", paramLabel = "MODEL", description = "Answers to requests for a model; may be repeated.")
    private List<String> models = List.of();

    @Option(
            names = {"--label", "--scope"},
            paramLabel = "NAME",
            description =
                    "Answers of an API key, by its label, team or 12 digits; may be repeated. A running Refrain knows "
                            + "which keys a name stands for.")
    private List<String> labels = List.of();

    @Option(names = "--namespace", paramLabel = "NAME", description = "Answers of a namespace; may be repeated.")
    private List<String> namespaces = List.of();

    @Option(
            names = "--since",
            paramLabel = "TIME",
            description = "Only answers stored since this time: 2026-11-23T05:00:00Z, or 24h for so long ago.")
    private String since;

    @Option(names = "--until", paramLabel = "TIME", description = "Only answers stored before this time.")
    private String until;

    @Option(
            names = "--with-secret",
            description = "Write the store's secret into the folder, too, so that import can create a store with it.")
    private boolean withSecret;

    @Unmatched
    private List<String> others = new ArrayList<>();

    @Override
    int ask(AdminClient admin) throws IOException, InterruptedException {
        Path store = console.stores.file(others, console.environment);
        if (!Files.exists(store)) {
            throw new IOException(
                    "There is no store " + store + ". Name it with --store, or the settings with --config");
        }
        if (withSecret && console.stores.isOfCluster(others, console.environment)) {
            throw new IllegalArgumentException(
                    "Leave out --with-secret: keys are made with shared.secret-file here, and"
                            + " an import needs the same in its settings");
        }
        List<EntryQuery.Match> matches = new ArrayList<>();
        Set<String> none = Set.of();
        if (!models.isEmpty()) {
            matches.add(new EntryQuery.Match(null, none, new HashSet<>(models), none));
        }
        if (!labels.isEmpty()) {
            matches.add(new EntryQuery.Match(null, scopes(admin), none, none));
        }
        if (!namespaces.isEmpty()) {
            matches.add(new EntryQuery.Match(null, none, none, new HashSet<>(namespaces)));
        }
        ArchiveQuery query = new ArchiveQuery(matches, millis(since, 0), millis(until, Long.MAX_VALUE), asked());
        Progress progress = new Progress(err());
        ExportFacts facts;
        try (ResponseCache cache = console.stores.open(others, console.environment, null, null)) {
            facts = cache.admin().exportTo(to, query, progress);
        } finally {
            progress.end();
        }
        if (withSecret) {
            copySecret(store);
        }
        out().printf(
                        "%s: %,d %s, %s in %d %s%s%n",
                        to,
                        facts.entries(),
                        facts.entries() == 1 ? "answer" : "answers",
                        Table.bytes(facts.bytes()),
                        facts.parts(),
                        facts.parts() == 1 ? "file" : "files",
                        facts.kept() == 0 ? "" : ", " + facts.kept() + " of them from an earlier run");
        out().flush();
        return 0;
    }

    /**
     * The query as text, by which a broken-off export is recognised. It is the same for the same command, although
     * {@code 7d} resolves to another time a second later.
     */
    private String asked() {
        StringBuilder asked = new StringBuilder("export");
        models.stream().sorted().forEach(model -> asked.append("; model=").append(model));
        labels.stream().sorted().forEach(label -> asked.append("; label=").append(label));
        namespaces.stream()
                .sorted()
                .forEach(name -> asked.append("; namespace=").append(name));
        if (since != null) {
            asked.append("; since=").append(since);
        }
        if (until != null) {
            asked.append("; until=").append(until);
        }
        return asked.toString();
    }

    private static long millis(String given, long none) {
        Instant time = Query.time(given);
        return time == null ? none : time.toEpochMilli();
    }

    private Set<String> scopes(AdminClient admin) throws IOException, InterruptedException {
        Set<String> digits = new HashSet<>();
        for (String label : labels) {
            if (label.matches("[0-9a-f]{12}")) {
                digits.add(label);
                continue;
            }
            JsonNode found = admin.get("scopes" + new Query().with("scope", label));
            if (!found.path("complete").asBoolean()) {
                err().println("refrain: The log was not read to its end in time; keys that were not used lately under"
                        + " the label " + label + " are left out.");
            }
            found.path("data").forEach(tag -> digits.add(tag.asText()));
        }
        if (digits.isEmpty()) {
            // An empty set would match every scope.
            throw new IOException("No API key is known under the label " + String.join(", ", labels) + "; name the 12 "
                    + "digits of its scope");
        }
        return digits;
    }

    private void copySecret(Path store) throws IOException {
        byte[] secret = Files.readAllBytes(store.resolveSibling(store.getFileName() + ".secret"));
        Path copy = to.resolve(SECRET);
        Files.deleteIfExists(copy);
        boolean hasOwners = copy.getFileSystem().supportedFileAttributeViews().contains("posix");
        FileAttribute<?>[] ownersOnly = hasOwners
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
                }
                : new FileAttribute<?>[0];
        Files.createFile(copy, ownersOnly);
        Files.write(copy, secret);
    }
}
