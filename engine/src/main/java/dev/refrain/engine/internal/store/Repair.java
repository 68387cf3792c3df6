package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Repairs the segments of a map that was not closed cleanly or is damaged. Frees locks and room that were left behind,
 * and drops values that are not whole or cannot be found ({@link Rebuilt}). Reads and writes the file without mapping
 * it and without Chronicle Map, whose own recovery trusts the file. Does not write to a sound segment. No process may
 * have the file open.
 */
final class Repair {
    private final RawMap map;
    private final FileChannel channel;
    private int corrections;

    private Repair(RawMap map, FileChannel channel) {
        this.map = map;
        this.channel = channel;
    }

    /**
     * Checks all segments, or only those whose header is impossible after a clean close ({@link RawMap#isSuspect}), and
     * repairs those that need it.
     *
     * @return the number of corrections
     */
    static int run(Path file, boolean onlySuspects) throws IOException {
        try (RawMap map = RawMap.open(file);
                FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            Repair repair = new Repair(map, channel);
            for (int segment = 0; segment < map.segments(); segment++) {
                if (!onlySuspects || map.isSuspect(segment)) {
                    repair.look(map.segment(segment));
                }
            }
            return repair.corrections;
        }
    }

    private void look(RawMap.Segment segment) throws IOException {
        Rebuilt rebuilt = new Rebuilt(segment);
        if (rebuilt.isAsItWas()) {
            return;
        }
        corrections += Math.max(1, rebuilt.dropped());
        write(rebuilt.directory(), map.segmentAt(segment.index));
        // The header comes last, because it frees the lock.
        write(rebuilt.header(), map.headerAt(segment.index));
    }

    private void write(ByteBuffer bytes, long at) throws IOException {
        for (long to = at; bytes.hasRemaining(); ) {
            to += channel.write(bytes, to);
        }
    }
}
