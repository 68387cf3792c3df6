package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.ForeignFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/**
 * Checks, before anything is written, that the files with the names of a store's files are the store's own. A foreign
 * file is never changed, moved or deleted, and keeps its permissions.
 *
 * <p>A map cannot be recognised by its name alone, nor always by its bytes, which may be damaged. A map is ours if the
 * record in the lock file has its length, or if its header names our classes.
 */
final class ForeignFiles {
    private final Path file;
    private final Path secretFile;
    private final Path lockFile;
    private final Path draft;

    ForeignFiles(Path file, Path secretFile, Path lockFile, Path draft) {
        this.file = file;
        this.secretFile = secretFile;
        this.lockFile = lockFile;
        this.draft = draft;
    }

    /** @throws ForeignFileException if there is a file that is not the store's */
    void refuse() throws IOException {
        for (Path path : new Path[] {file, secretFile, lockFile, draft, Secret.draft(secretFile)}) {
            if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(path)) {
                throw new ForeignFileException(path, "is not a regular file");
            }
        }
        if (Files.exists(lockFile) && !LockFile.isOne(lockFile)) {
            throw new ForeignFileException(lockFile, "is not the lock file of a store");
        }
        LockFile.State record = record();
        if (Files.exists(file) && !isKnown(record) && !MapHead.isOurs(file)) {
            throw new ForeignFileException(file, "is not a store");
        }
        if (record == null && Files.exists(secretFile)) {
            if (!Files.exists(file)) {
                throw new ForeignFileException(
                        secretFile, "is the secret of a store that does not exist, or another file");
            }
            if (Files.size(secretFile) != Secret.LENGTH) {
                throw new ForeignFileException(secretFile, "is not the secret of a store");
            }
        }
        if (Files.exists(draft) && Files.size(draft) > 0 && !MapHead.isOurs(draft)) {
            throw new ForeignFileException(draft, "is not an unfinished store");
        }
        Path secretDraft = Secret.draft(secretFile);
        if (Files.exists(secretDraft) && Files.size(secretDraft) > Secret.LENGTH) {
            throw new ForeignFileException(secretDraft, "is not an unfinished secret");
        }
    }

    /** The record of the store, or null if there is none that is whole. */
    private LockFile.State record() throws IOException {
        if (!Files.exists(lockFile)) {
            return null;
        }
        try {
            return LockFile.readOnly(lockFile);
        } catch (LockFile.DamagedException damaged) {
            return null;
        }
    }

    private boolean isKnown(LockFile.State record) throws IOException {
        // An empty file beside a record is a map whose content the file system lost.
        return record != null && (Files.size(file) == record.mapLength() || Files.size(file) == 0);
    }
}
