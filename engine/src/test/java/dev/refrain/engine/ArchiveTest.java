package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.archive.ArchiveProgress;
import dev.refrain.engine.archive.ArchiveQuery;
import dev.refrain.engine.archive.ExportFacts;
import dev.refrain.engine.archive.ImportFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.archive.Importer;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.stats.EntryQuery;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Export of answers into a folder, and import into another store that was made with the same secret.
 *
 * <p>Long, since the folder of an archive and a store can be in many states when a command runs.
 */
class ArchiveTest {
    private static final long CAPACITY = 16 << 20;
    private static final Duration TTL = Duration.ofHours(1);

    @TempDir
    Path folder;

    private Path archive;

    @BeforeEach
    void name() {
        archive = folder.resolve("archive");
    }

    private ResponseCache open(String store, Consumer<ResponseCacheBuilder> settings) throws IOException {
        ResponseCacheBuilder builder =
                ResponseCache.builder(folder.resolve(store)).capacityBytes(CAPACITY);
        settings.accept(builder);
        return builder.open();
    }

    private ResponseCache open(String store) throws IOException {
        return open(store, any -> {});
    }

    /** A setting that gives a new store the same secret as the given store. */
    private Consumer<ResponseCacheBuilder> secretOf(String store) throws IOException {
        byte[] secret = Files.readAllBytes(folder.resolve(store + ".secret"));
        return builder -> builder.secretOfNewFile(secret);
    }

    private static CacheKey key(ResponseCache cache, String apiKey, String model, String namespace, int number) {
        KeyContext.Builder context =
                cache.pipeline().context(Endpoint.CHAT, cache.pipeline().scope(apiKey));
        if (namespace != null) {
            context.namespace(namespace);
        }
        String body = "{\"model\":\"" + model + "\",\"messages\":[{\"role\":\"user\",\"content\":\"" + number + "\"}]}";
        return cache.key(CacheRequest.of(context.build(), body.getBytes(StandardCharsets.UTF_8)))
                .orElseThrow();
    }

    private static byte[] answer(String text) {
        return ("{\"id\":\"c-1\",\"object\":\"chat.completion\",\"created\":1,\"choices\":[{\"index\":0,\"message\":"
                        + "{\"role\":\"assistant\",\"content\":\"" + text + "\"},\"finish_reason\":\"stop\"}]}")
                .getBytes(StandardCharsets.UTF_8);
    }

    private static void store(ResponseCache cache, CacheKey key, String text) {
        assertThat(cache.store(key, "application/json", answer(text), TTL)).isTrue();
    }

    /** The body of a hit, or null. */
    private static String found(ResponseCache cache, CacheKey key) {
        CachedResponse response = new CachedResponse();
        return cache.lookup(key, response)
                ? new String(response.array(), 0, response.length(), StandardCharsets.UTF_8)
                : null;
    }

    private static ArchiveQuery where(EntryQuery.Match match) {
        return new ArchiveQuery(List.of(match), 0, Long.MAX_VALUE);
    }

    @Test
    void answersOfAnyLengthAreHitsInAnotherStoreOfTheSameSecret() throws IOException {
        String longText = "long ".repeat(60_000);
        try (ResponseCache from = open("from")) {
            for (int i = 0; i < 50; i++) {
                store(from, key(from, "sk-a", "m", null, i), "answer " + i);
            }
            store(from, key(from, "sk-b", "m", "evals", 99), longText);
            ExportFacts written = from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
            assertThat(written.entries()).isEqualTo(51);
            assertThat(written.parts()).isEqualTo(1);
            assertThat(written.bytes()).isEqualTo(Files.size(archive.resolve("part-0000.refrain")));
        }
        try (ResponseCache to = open("to", secretOf("from"))) {
            List<Double> heard = new ArrayList<>();
            ImportFacts read = to.admin().importFrom(archive, (done, entries, bytes) -> heard.add(done));
            assertThat(read.entries()).isEqualTo(51);
            assertThat(heard).last().isEqualTo(1.0);
            for (int i = 0; i < 50; i++) {
                assertThat(found(to, key(to, "sk-a", "m", null, i))).contains("\"answer " + i + "\"");
            }
            assertThat(found(to, key(to, "sk-b", "m", "evals", 99))).contains(longText);
            assertThat(found(to, key(to, "sk-b", "m", null, 99))).isNull();
            assertThat(found(to, key(to, "sk-b", "m", null, 0))).isNull();
            assertThat(to.admin().namespaces()).hasSize(1);
            // A second import changes nothing.
            ImportFacts again = to.admin().importFrom(archive, ArchiveProgress.NONE);
            assertThat(again.entries()).isZero();
            assertThat(again.present()).isEqualTo(51);
        }
    }

    @Test
    void anArchiveHasTheSelectedAnswersThatHaveNotExpired() throws IOException {
        try (ResponseCache from = open("from")) {
            store(from, key(from, "sk-a", "m", null, 1), "1");
            store(from, key(from, "sk-b", "m", null, 2), "2");
            store(from, key(from, "sk-a", "n", "evals", 3), "3");
            CacheAdmin admin = from.admin();
            String tag = from.pipeline().scope("sk-a").hexTag().substring(0, 12);
            Set<String> none = Set.of();
            assertThat(exported(admin, "1", where(new EntryQuery.Match(null, Set.of(tag), none, none))))
                    .isEqualTo(2);
            assertThat(exported(admin, "2", where(new EntryQuery.Match(null, none, Set.of("m"), none))))
                    .isEqualTo(2);
            assertThat(exported(admin, "3", where(new EntryQuery.Match(null, none, none, Set.of("evals")))))
                    .isEqualTo(1);
            assertThat(exported(admin, "4", new ArchiveQuery(List.of(), 0, 1000)))
                    .isZero();
            assertThat(exported(admin, "5", new ArchiveQuery(List.of(), 1000, Long.MAX_VALUE)))
                    .isEqualTo(3);
            assertThat(Files.readString(folder.resolve("3/archive.json"))).contains("\"evals\"");
            assertThat(Files.readString(folder.resolve("2/archive.json"))).doesNotContain("\"evals\"");
        }
    }

    private int exported(CacheAdmin admin, String name, ArchiveQuery query) throws IOException {
        return (int) admin.exportTo(folder.resolve(name), query, ArchiveProgress.NONE)
                .entries();
    }

    @Test
    void aStoreOfAnotherSecretTakesNothing() throws IOException {
        try (ResponseCache from = open("from");
                ResponseCache to = open("to")) {
            store(from, key(from, "sk-a", "m", null, 1), "1");
            from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
            assertThatThrownBy(() -> to.admin().importFrom(archive, ArchiveProgress.NONE))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("another secret");
        }
    }

    @Test
    void anAnswerThatIsNewerThanTheArchivesStays() throws IOException {
        try (ResponseCache from = open("from")) {
            CacheKey key = key(from, "sk-a", "m", null, 1);
            store(from, key, "old");
            from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
            store(from, key, "new");
            assertThat(from.admin().importFrom(archive, ArchiveProgress.NONE).present())
                    .isEqualTo(1);
            assertThat(found(from, key)).contains("new");
            from.remove(key);
            assertThat(from.admin().importFrom(archive, ArchiveProgress.NONE).entries())
                    .isEqualTo(1);
            assertThat(found(from, key)).contains("old");
        }
    }

    /**
     * A proxy on the same store stores a newer answer after the import has found none, and before the import stores its
     * own answer.
     */
    @Test
    void anAnswerThatComesDuringTheImportStays() throws IOException {
        try (ResponseCache from = open("from")) {
            store(from, key(from, "sk-a", "m", null, 1), "old");
            from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
        }
        EntryBuffer newer = new EntryBuffer(EntryHead.LENGTH);
        ByteBuffer.wrap(newer.resize(EntryHead.LENGTH))
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(EntryHead.STORED_AT, Long.MAX_VALUE - 1)
                .putLong(EntryHead.EXPIRES_AT, Long.MAX_VALUE);
        List<byte[]> keys = new ArrayList<>();
        try (CacheStore to = new ForwardingStore() {
            @Override
            public boolean get(byte[] key, EntryBuffer into) {
                boolean isThere = super.get(key, into);
                if (keys.isEmpty()) {
                    keys.add(key.clone());
                    put(key, newer);
                }
                return isThere;
            }
        }) {
            String manifest = Files.readString(archive.resolve("archive.json"));
            String madeWith = manifest.replaceAll("(?s).*\"keys\" : \"([^\"]+)\".*", "$1");
            ImportFacts facts = new Importer(to, MemoryBudget.ofHeap(), any -> true, archive, ArchiveProgress.NONE)
                    .run(madeWith, System.currentTimeMillis(), any -> {});
            assertThat(facts.present()).isEqualTo(1);
            assertThat(facts.entries()).isZero();
            EntryBuffer there = new EntryBuffer(EntryHead.LENGTH);
            assertThat(to.get(keys.get(0), there)).isTrue();
            assertThat(EntryHead.storedAt(there.bytes())).isEqualTo(Long.MAX_VALUE - 1);
        }
    }

    @Test
    void sealedAnswersAreReadOnlyByAStoreThatSeals() throws IOException {
        try (ResponseCache from = open("from", builder -> builder.seal(true))) {
            store(from, key(from, "sk-a", "m", null, 1), "quite a secret");
            from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
        }
        byte[] part = Files.readAllBytes(archive.resolve("part-0000.refrain"));
        assertThat(new String(part, StandardCharsets.ISO_8859_1)).doesNotContain("quite");
        Consumer<ResponseCacheBuilder> secret = secretOf("from");
        try (ResponseCache open = open("open", secret)) {
            ImportFacts read = open.admin().importFrom(archive, ArchiveProgress.NONE);
            assertThat(read.foreign()).isEqualTo(1);
            assertThat(read.entries()).isZero();
        }
        try (ResponseCache sealed = open("sealed", secret.andThen(builder -> builder.seal(true)))) {
            assertThat(sealed.admin().importFrom(archive, ArchiveProgress.NONE).entries())
                    .isEqualTo(1);
            assertThat(found(sealed, key(sealed, "sk-a", "m", null, 1))).contains("quite a secret");
        }
        // Write access to the files of an archive is not enough to make an answer for a sealed store.
        Path other = folder.resolve("other");
        try (ResponseCache open = open("open2", secret)) {
            store(open, key(open, "sk-a", "m", null, 2), "crafted");
            open.admin().exportTo(other, ArchiveQuery.ALL, ArchiveProgress.NONE);
        }
        try (ResponseCache sealed = open("sealed2", secret.andThen(builder -> builder.seal(true)))) {
            assertThat(sealed.admin().importFrom(other, ArchiveProgress.NONE).foreign())
                    .isEqualTo(1);
            assertThat(found(sealed, key(sealed, "sk-a", "m", null, 2))).isNull();
        }
    }

    @Test
    void aDamagedPartIsNamedAndNothingOfItIsImported() throws IOException {
        try (ResponseCache from = open("from")) {
            store(from, key(from, "sk-a", "m", null, 1), "1");
            from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
            from.admin().clear();
            Path part = archive.resolve("part-0000.refrain");
            byte[] whole = Files.readAllBytes(part);
            for (int at : new int[] {0, 9, 17, 60, whole.length - 40, whole.length - 1}) {
                byte[] damaged = whole.clone();
                damaged[at] ^= 1;
                Files.write(part, damaged);
                assertThatThrownBy(() -> from.admin().importFrom(archive, ArchiveProgress.NONE))
                        .as("byte %s", at)
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("part-0000.refrain is damaged");
            }
            for (int length : new int[] {0, 10, 59, whole.length - 1}) {
                Files.write(part, Arrays.copyOf(whole, length));
                assertThatThrownBy(() -> from.admin().importFrom(archive, ArchiveProgress.NONE))
                        .isInstanceOf(IOException.class);
            }
            assertThat(from.admin().stats().store().entries()).isZero();
            Files.write(part, whole);
            assertThat(from.admin().importFrom(archive, ArchiveProgress.NONE).entries())
                    .isEqualTo(1);
        }
    }

    /** Even if the file's checksum is right, the checksum and the length of each entry are checked. */
    @Test
    void anEntryWithAWrongChecksumOrLengthIsNotTaken() throws Exception {
        try (ResponseCache from = open("from")) {
            store(from, key(from, "sk-a", "m", null, 1), "1");
            from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
            from.admin().clear();
            Path part = archive.resolve("part-0000.refrain");
            byte[] whole = Files.readAllBytes(part);
            byte[] flipped = whole.clone();
            flipped[120] ^= 1;
            Files.write(part, summed(flipped));
            assertThat(from.admin().importFrom(archive, ArchiveProgress.NONE).damaged())
                    .isEqualTo(1);
            for (int length : new int[] {-1, 1, 63, 1 << 30, Integer.MAX_VALUE}) {
                byte[] wrong = whole.clone();
                ByteBuffer.wrap(wrong).order(ByteOrder.LITTLE_ENDIAN).putInt(16, length);
                Files.write(part, summed(wrong));
                assertThatThrownBy(() -> from.admin().importFrom(archive, ArchiveProgress.NONE))
                        .as("length %s", length)
                        .hasMessageContaining("which is impossible");
            }
            assertThat(from.admin().stats().store().entries()).isZero();
        }
    }

    private static byte[] summed(byte[] part) throws GeneralSecurityException {
        byte[] before = Arrays.copyOf(part, part.length - 32);
        System.arraycopy(MessageDigest.getInstance("SHA-256").digest(before), 0, part, before.length, 32);
        return part;
    }

    @Test
    void anExportThatWasBrokenOffGoesOn() throws IOException {
        try (ResponseCache from = open("from")) {
            for (int i = 0; i < 20; i++) {
                store(from, key(from, "sk-a", "m", null, i), "answer " + i);
            }
            Files.createDirectory(archive);
            // The state that an aborted export leaves, if it had four parts to write.
            from.admin().exportTo(folder.resolve("whole"), ArchiveQuery.ALL, ArchiveProgress.NONE);
            Files.writeString(
                    archive.resolve("archive.json"),
                    Files.readString(folder.resolve("whole/archive.json"))
                            .replace("\"parts\" : 1", "\"parts\" : 4")
                            .replace("true", "false"));
            ArchiveProgress breaksOff = (done, entries, bytes) -> {
                if (done >= 0.5 && Files.exists(archive.resolve("part-0001.refrain"))) {
                    throw new IllegalStateException("broken off");
                }
            };
            assertThatThrownBy(() -> from.admin().exportTo(archive, ArchiveQuery.ALL, breaksOff))
                    .hasMessage("broken off");
            assertThat(parts()).hasSize(2);
            ImportFacts some = from.admin().importFrom(archive, ArchiveProgress.NONE);
            assertThat(some.missing()).isEqualTo(2);
            // An export with another query needs another folder.
            assertThatThrownBy(() ->
                            from.admin().exportTo(archive, new ArchiveQuery(List.of(), 5, 9), ArchiveProgress.NONE))
                    .hasMessageContaining("is not finished");
            ExportFacts rest = from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
            assertThat(rest).extracting(ExportFacts::entries, ExportFacts::kept).containsExactly(20L, 2);
            assertThat(parts()).hasSize(4);
            from.admin().clear();
            ImportFacts all = from.admin().importFrom(archive, ArchiveProgress.NONE);
            assertThat(all.entries()).isEqualTo(20);
            assertThat(all.missing()).isZero();
        }
    }

    private List<Path> parts() throws IOException {
        try (Stream<Path> files = Files.list(archive)) {
            return files.filter(file -> file.toString().endsWith(".refrain")).toList();
        }
    }

    @Test
    void anExportThatCouldNotReadTheStoreIsNotAWholeOne() throws IOException {
        ResponseCache from = open("from");
        CacheKey key = key(from, "sk-a", "m", null, 1);
        store(from, key, "one");
        from.close();
        assertThatThrownBy(() -> from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("could not be read");
        try (ResponseCache again = open("from")) {
            assertThat(again.admin()
                            .exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE)
                            .entries())
                    .isEqualTo(1);
        }
    }

    /** After a kill, a part may exist, but its namespaces are not in the manifest, or no manifest may exist. */
    @Test
    void whatAKillLeftIsMadeWhole() throws IOException {
        try (ResponseCache from = open("from")) {
            store(from, key(from, "sk-a", "m", "evals", 1), "1");
            Files.createDirectory(archive);
            Files.writeString(archive.resolve("archive.json.unfinished"), "{");
            from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
            Path manifest = archive.resolve("archive.json");
            String whole = Files.readString(manifest);
            assertThat(whole).contains("\"evals\"");
            Files.writeString(manifest, whole.replace("\"evals\"", "").replace("true", "false"));
            ExportFacts rest = from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
            assertThat(rest.kept()).isEqualTo(1);
            assertThat(Files.readString(manifest)).contains("\"evals\"");
        }
    }

    /** The operator types the same query again, but "since=7d" now begins at another time. */
    @Test
    void anExportOfTheLastDaysGoesOn() throws IOException {
        try (ResponseCache from = open("from")) {
            store(from, key(from, "sk-a", "m", null, 1), "1");
            String tag = from.pipeline().scope("sk-a").hexTag().substring(0, 12);
            from.admin().exportTo(archive, typed(1000, tag, "since=7d; label=team"), ArchiveProgress.NONE);
            Path manifest = archive.resolve("archive.json");
            Files.writeString(manifest, Files.readString(manifest).replace("true", "false"));
            Files.delete(archive.resolve("part-0000.refrain"));
            assertThatThrownBy(() -> from.admin()
                            .exportTo(archive, typed(2000, tag, "since=6d; label=team"), ArchiveProgress.NONE))
                    .hasMessageContaining("is not finished");
            // By now, no caller has the label any more.
            ArchiveQuery later = typed(Long.MAX_VALUE - 1, "0123456789ab", "since=7d; label=team");
            assertThat(from.admin()
                            .exportTo(archive, later, ArchiveProgress.NONE)
                            .entries())
                    .isEqualTo(1);
            assertThat(Files.readString(manifest)).contains("since=1000", "\"complete\" : true");
        }
    }

    private static ArchiveQuery typed(long since, String scope, String words) {
        Set<String> none = Set.of();
        return new ArchiveQuery(
                List.of(new EntryQuery.Match(null, Set.of(scope), none, none)), since, Long.MAX_VALUE, words);
    }

    /** Names from an archive end up in a file of lines, and on the dashboard. */
    @Test
    void invalidNamesAreNotImported() throws IOException {
        try (ResponseCache from = open("from")) {
            store(from, key(from, "sk-a", "m", "evals", 1), "1");
            from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
        }
        Path manifest = archive.resolve("archive.json");
        String others = "\"evals\", \"a\\nb\", \"<b>\", \"\", \"" + "x".repeat(65) + "\"";
        Files.writeString(manifest, Files.readString(manifest).replace("\"evals\"", others));
        try (ResponseCache to = open("to", secretOf("from"))) {
            to.admin().importFrom(archive, ArchiveProgress.NONE);
            assertThat(to.admin().namespaces()).hasSize(1);
        }
        assertThat(Files.readString(folder.resolve("to.namespaces"))).isEqualTo("evals\n");
    }

    /** A store keeps the capacity that it was made with. A command need not know it. */
    @Test
    void aStoreKeepsItsCapacityWhenItIsExportedOrImportedInto() throws IOException {
        long larger = 4 * CAPACITY;
        long length;
        try (ResponseCache from = open("from", builder -> builder.capacityBytes(larger))) {
            store(from, key(from, "sk-a", "m", null, 1), "1");
            length = Files.size(folder.resolve("from"));
        }
        for (long other : new long[] {CAPACITY, 2 * larger}) {
            try (ResponseCache kept =
                    open("from", builder -> builder.capacityBytes(other).keepFile())) {
                assertThat(kept.admin().stats().store().capacityBytes()).isEqualTo(larger);
                assertThat(found(kept, key(kept, "sk-a", "m", null, 1))).isNotNull();
            }
            assertThat(folder.resolve("from")).hasSize(length);
        }
        byte[] damaged = Files.readAllBytes(folder.resolve("from"));
        damaged[8] ^= 1;
        Files.write(folder.resolve("from"), damaged);
        assertThatThrownBy(() -> open("from", ResponseCacheBuilder::keepFile))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("Nothing was changed");
        assertThat(folder.resolve("from")).hasBinaryContent(damaged);
    }

    @Test
    void openingWithKeepFileLeavesTheStartOfSealingAlone() throws IOException {
        open("from", builder -> builder.seal(true)).close();
        Path mark = folder.resolve("from.sealed");
        String before = Files.readString(mark);
        open("from", builder -> builder.seal(false).keepFile()).close();
        assertThat(mark).hasContent(before);
        open("from", builder -> builder.seal(false)).close();
        assertThat(Files.readString(mark)).isNotEqualTo(before);
    }

    @Test
    void noStoreIsMadeThatCouldNotImportTheArchive() throws IOException {
        try (ResponseCache from = open("from")) {
            store(from, key(from, "sk-a", "m", null, 1), "1");
            from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
        }
        Path typo = folder.resolve("bakcup");
        Consumer<ResponseCacheBuilder> secret = secretOf("from");
        assertRefused(builder -> builder.newFileFor(typo), "is no archive");
        assertRefused(secret.andThen(builder -> builder.newFileFor(typo)), "is no archive");
        assertRefused(builder -> builder.newFileFor(archive), "--secret");
        assertRefused(builder -> builder.newFileFor(archive).secretOfNewFile(new byte[32]), "another secret");
        assertRefused(builder -> builder.newFileFor(archive).clusterSecret(new byte[32]), "another secret");
        try (ResponseCache to = open("to", secret.andThen(builder -> builder.newFileFor(archive)))) {
            assertThat(to.admin().importFrom(archive, ArchiveProgress.NONE).entries())
                    .isEqualTo(1);
        }
    }

    private void assertRefused(Consumer<ResponseCacheBuilder> settings, String why) throws IOException {
        assertThatThrownBy(() -> open("to", settings))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(why);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString())).noneMatch(name -> name.startsWith("to"));
        }
    }

    @Test
    void aFolderWithOtherThingsIsLeftAlone() throws IOException {
        try (ResponseCache from = open("from")) {
            Files.createDirectory(archive);
            Files.writeString(archive.resolve("thesis.tex"), "mine");
            assertThatThrownBy(() -> from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE))
                    .hasMessageContaining("name another folder");
            assertThatThrownBy(() -> from.admin().importFrom(archive, ArchiveProgress.NONE))
                    .hasMessageContaining("is no archive");
            Files.delete(archive.resolve("thesis.tex"));
            from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
            assertThatThrownBy(() -> from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE))
                    .hasMessageContaining("complete archive");
        }
    }

    @Test
    void onlyTheOwnerReadsAnArchive() throws IOException {
        try (ResponseCache from = open("from")) {
            from.admin().exportTo(archive, ArchiveQuery.ALL, ArchiveProgress.NONE);
        }
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(archive)))
                .isEqualTo("rwx------");
        try (Stream<Path> files = Files.list(archive)) {
            assertThat(files)
                    .hasSize(2)
                    .allSatisfy(file -> assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                            .isEqualTo("rw-------"));
        }
    }
}
