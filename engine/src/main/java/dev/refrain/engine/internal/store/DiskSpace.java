package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryHead;
import java.io.File;
import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a sparse file from filling its disk to the last block: a write to a mapped page without a block is a fault (see
 * {@link Preallocation}). Entries are refused while less than {@link #MARGIN} is free. A preallocated file has all of
 * its blocks, so its entries are never refused.
 *
 * <p>Checks the free space once per {@link #STRIDE} stored bytes, so most puts make no system call. Thread-safe.
 */
final class DiskSpace {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);

    /** Bytes that must stay free: more than several processes and other writers use up between two checks. */
    static final long MARGIN = 16L << 20;

    /**
     * Free space at which the log says that the shortage is over. It is more than the margin, so that the log does not
     * fill up when the free space varies around the margin.
     */
    private static final long PLENTY = MARGIN / 2 * 3;

    private static final long STRIDE = 1L << 20;
    /**
     * Bytes of the pages that a value may be the first to touch, besides those that it fills: one page of the lookup
     * table, one of the free list, and one at either end of the value.
     */
    private static final long FIRST_TOUCHED = 4 * 4096;

    private static final long RECHECK_MILLIS = 1_000;

    private final Path file;
    private final boolean preallocated;
    private final Clock clock;
    private final AtomicLong sinceCheck = new AtomicLong();
    private volatile boolean scarce;
    private volatile long recheckAt;
    /** Guarded by this. */
    private boolean reported;

    DiskSpace(Path file, boolean preallocated, Clock clock) {
        this.file = file;
        this.preallocated = preallocated;
        this.clock = clock;
    }

    /**
     * Logs the free space at the start, as a warning if the file may outgrow its disk.
     *
     * @param used bytes of a sparse file that may have blocks already
     */
    void report(long length, LongSupplier used) {
        long free = free(file);
        long growth = preallocated ? 0 : Math.max(0, length - used.getAsLong());
        if (growth > 0 && free < growth + MARGIN) {
            LOG.warn(
                    "The store {} of {} bytes is sparse and may still grow by {}, but only {} are free on its disk; it "
                            + "will stop storing when less than {} are. Free some space, or configure a lower capacity "
                            + "or preallocation",
                    file,
                    length,
                    growth,
                    free,
                    MARGIN);
        } else {
            LOG.debug(
                    "The store {} of {} bytes is {}; {} bytes are free on its disk",
                    file,
                    length,
                    preallocated ? "allocated" : "sparse",
                    free);
        }
    }

    /** Whether an entry of the given length can be written without danger. */
    boolean hasRoomFor(int length) {
        if (preallocated) {
            return true;
        }
        if (scarce) {
            return clock.millis() >= recheckAt && check(length);
        }
        long parts = length / Layout.MAX_VALUE_LENGTH + 1L;
        return sinceCheck.addAndGet(length + parts * FIRST_TOUCHED + EntryHead.LENGTH) < STRIDE || check(length);
    }

    private synchronized boolean check(int length) {
        sinceCheck.set(0);
        long free = free(file);
        if (free >= MARGIN + length) {
            scarce = false;
            if (reported && free >= PLENTY) {
                reported = false;
                LOG.info("The store {} stores answers again: {} bytes are free on its disk", file, free);
            }
            return true;
        }
        refuseForNow();
        if (!reported) {
            reported = true;
            LOG.warn(
                    "The store {} stores nothing for now, because only {} bytes are free on its disk and {} are to "
                            + "stay free; answers are served all the same. Free some space, or configure preallocation",
                    file,
                    free,
                    MARGIN);
        }
        return false;
    }

    private void refuseForNow() {
        recheckAt = clock.millis() + RECHECK_MILLIS;
        scarce = true;
    }

    /**
     * The bytes that are free on a file's disk, or {@code Long.MAX_VALUE} if that is not known. {@code FileStore}
     * would not do: it looks for the mount in {@code /proc/mounts}, and fails where it is not listed, such as in
     * a {@code chroot}.
     */
    static long free(Path file) {
        File there = file.toFile();
        if (!there.exists()) {
            there = file.toAbsolutePath().getParent().toFile();
        }
        return there.getTotalSpace() == 0 ? Long.MAX_VALUE : there.getUsableSpace();
    }

    /**
     * Refuses entries for a while. Call after a failed write that a full disk would explain, even if {@link #free}
     * returns enough: where a quota applies, its result is too high.
     */
    void suspect() {
        if (!preallocated) {
            refuseForNow();
        }
    }
}
