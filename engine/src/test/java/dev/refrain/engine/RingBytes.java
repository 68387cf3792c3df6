package dev.refrain.engine;

import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Dumps the memory that a cache has outside the heap, reachable and unreachable records alike. */
final class RingBytes {
    private RingBytes() {}

    /** The bytes of the hot copies. */
    static String ofCopies(ResponseCache cache) {
        return dump(field(field(cache.answers(), "entries"), "hot"));
    }

    /** The bytes of the known requests. */
    static String ofRequests(ResponseCache cache) {
        return dump(field(cache.answers().keys(), "memo"));
    }

    private static String dump(Object owner) {
        StringBuilder all = new StringBuilder();
        for (ByteBuffer block : (ByteBuffer[]) field(field(field(owner, "ring"), "tape"), "blocks")) {
            if (block != null) {
                byte[] bytes = new byte[block.capacity()];
                block.get(0, bytes);
                all.append(new String(bytes, StandardCharsets.ISO_8859_1));
            }
        }
        return all.toString();
    }

    private static Object field(Object of, String name) {
        try {
            Field field = of.getClass().getDeclaredField(name);
            field.setAccessible(true);
            return field.get(of);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("the test knows other fields than there are", e);
        }
    }
}
