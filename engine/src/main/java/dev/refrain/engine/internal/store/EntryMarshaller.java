package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.hash.serialization.SizedReader;
import net.openhft.chronicle.hash.serialization.SizedWriter;
import net.openhft.chronicle.hash.serialization.impl.EnumMarshallable;

/**
 * Copies entries between the map and an {@link EntryBuffer}. Adds no length field and allocates nothing.
 *
 * <p>The header of every map's file names this class, so renaming or moving the class makes existing files unreadable.
 */
public final class EntryMarshaller
        implements SizedReader<EntryBuffer>, SizedWriter<EntryBuffer>, EnumMarshallable<EntryMarshaller> {
    static final EntryMarshaller INSTANCE = new EntryMarshaller();

    private EntryMarshaller() {}

    @Override
    public EntryBuffer read(Bytes<?> in, long size, EntryBuffer using) {
        // The size comes from the file. A damaged size must not make us allocate gigabytes.
        if (size < EntryHead.LENGTH || size > Layout.MAX_VALUE_LENGTH) {
            throw new IllegalStateException("An entry of " + size + " bytes cannot be: the store's file is damaged");
        }
        EntryBuffer entry = using != null ? using : new EntryBuffer((int) size);
        in.read(entry.resize((int) size), 0, (int) size);
        return entry;
    }

    @Override
    public long size(EntryBuffer entry) {
        return entry.length();
    }

    @Override
    public void write(Bytes<?> out, long size, EntryBuffer entry) {
        out.write(entry.bytes(), 0, (int) size);
    }

    @Override
    public EntryMarshaller readResolve() {
        return INSTANCE;
    }
}
